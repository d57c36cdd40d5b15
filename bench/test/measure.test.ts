import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { createTexts } from '../fixtures/texts.ts'
import { runClosedLoop } from '../load/closed-loop.ts'
import { get, post } from '../load/requests.ts'
import { type Measurement, median, quantile, summarise } from '../measure/measurement.ts'
import { parseStat, readProcesses, sumTrees } from '../measure/process-tree.ts'
import { parseOptions } from '../options.ts'
import { markdownTable } from '../report/table.ts'
import { judge } from '../report/verdict.ts'
import { selectPlans } from '../rows/plans.ts'

const { signal } = new AbortController()

/** A server that answers every second request with 500. */
async function startServer(): Promise<string> {
  let count = 0
  const server = createServer((request, response) => {
    request.resume()
    count += 1
    response.statusCode = count % 2 === 0 ? 500 : 200
    response.end('{"score":1}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a load counts every answer that is not 2xx or not accepted, and keeps its latencies in order', async () => {
  const url = await startServer()
  const load = { url, connections: 2, duration: 500, signal }
  const result = await runClosedLoop({ ...load, next: () => post('/', {}) })
  expect(result.requests).toBeGreaterThan(2)
  expect(Math.abs(result.errors - result.requests / 2)).toBeLessThanOrEqual(1)
  expect(result.latencies).toEqual(result.latencies.toSorted((a, b) => a - b))
  const refused = await runClosedLoop({ ...load, next: () => get('/'), accept: () => false })
  expect(refused.errors).toBe(refused.requests)
  expect(refused.firstError).toMatch(/^(200|500) /)
})

test('a load of no duration is one request a connection, and a server that is away is an error', async () => {
  const result = await runClosedLoop({
    url: 'http://127.0.0.1:1',
    connections: 3,
    duration: 0,
    next: () => get('/'),
    signal,
  })
  expect(result).toMatchObject({ requests: 3, errors: 3 })
})

test('the CPU time of a process tree includes children that have ended, and leaves out the observer', () => {
  const stat = (pid: number, name: string, parent: number, times: string) =>
    parseStat(`${pid} (${name}) S ${parent} 1 1 0 -1 0 1 2 3 4 ${times} 20 0 1 0 500 0 0 0 0 0`)
  const stats = [
    stat(10, 'postgres', 1, '1 2 3 4'),
    stat(11, 'odd) name (', 10, '5 0 0 0'),
    stat(12, 'observer', 10, '100 0 0 0'),
    stat(13, 'other', 1, '7 0 0 0'),
  ].flatMap((one) => one ?? [])
  expect(stats.map(({ pid, parent }) => [pid, parent])).toEqual([
    [10, 1],
    [11, 10],
    [12, 10],
    [13, 1],
  ])
  expect(sumTrees(stats, [10], new Set([12]))).toBe(150)
  expect(parseStat('')).toBeUndefined()
})

test.runIf(process.platform === 'linux')('what a child process burns is found in its tree', async () => {
  const burn = 'const end = Date.now() + 150; while (Date.now() < end); console.log(1); setTimeout(() => {}, 60000)'
  const child = spawn(process.execPath, ['-e', burn], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill())
  await once(child.stdout, 'data')
  expect(sumTrees(readProcesses() ?? [], [process.pid], new Set())).toBeGreaterThan(0)
  expect(sumTrees(readProcesses() ?? [], [child.pid ?? 0], new Set())).toBeGreaterThan(0)
})

test('quantiles and medians are those of small samples, too', () => {
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2)
  expect(quantile([1, 2, 3, 4], 0.99)).toBe(4)
  expect(quantile([7], 0.99)).toBe(7)
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
})

const one: Measurement = {
  rate: 100,
  p50: 1,
  p95: 2,
  p99: 3,
  cpu: 0.5,
  operations: 10,
  errors: 1,
  firstError: undefined,
}

test('a summary has the medians of the figures and the sums of the counts', () => {
  const summary = summarise([one, { ...one, cpu: 0.9 }, { ...one, cpu: 0.7, firstError: 'x' }])
  expect(summary).toEqual({ ...one, cpu: 0.7, operations: 30, errors: 3, firstError: 'x' })
  expect(summarise([{ ...one, cpu: undefined }]).cpu).toBeUndefined()
})

test('a budget is judged part by part, and not at all without figures', () => {
  const budget = { cpu: 0.5, ratio: 1.5, overhead: 0.2, rate: 101 }
  expect(judge(budget, one, { ...one, cpu: 0.25 })).toEqual([
    { text: 'CPU <= 0.5', kept: true },
    { text: 'ratio <= 1.5', kept: false },
    { text: 'overhead <= 0.2', kept: false },
    { text: 'rate >= 101', kept: false },
  ])
  expect(judge({ cpu: 1 }, { ...one, cpu: undefined }, undefined)).toEqual([{ text: 'CPU <= 1', kept: undefined }])
})

test('texts are the same for the same seed, have the length that is asked for and never repeat', () => {
  const [texts, again] = [createTexts(3), createTexts(3)]
  const made = Array.from({ length: 500 }, () => texts.ofLength(200))
  expect(made.map((text) => text.length)).toEqual(made.map(() => 200))
  expect(new Set(made).size).toBe(500)
  expect(again.ofLength(200)).toBe(made[0])
  expect(new Set(texts.query(6)).size).toBe(6)
  expect(texts.memory().split(' ').length).toBeGreaterThanOrEqual(15)
})

test('rows are chosen by the beginning of their names, and a name that fits none is refused', () => {
  expect(selectPlans(['search-1']).map(({ name }) => name)).toEqual(['search-1k', 'search-10k'])
  expect(selectPlans([]).length).toBeGreaterThan(10)
  expect(() => selectPlans(['nothing'])).toThrow('No row is called nothing')
})

test('options are read, and refused with the usage', () => {
  expect(parseOptions(['--only', 'create, search', '--seconds', '0.5'])).toEqual({
    only: ['create', 'search'],
    duration: 500,
    repetitions: 3,
    json: undefined,
  })
  expect(() => parseOptions(['--seconds', 'many'])).toThrow('Usage')
  expect(() => parseOptions(['--what'])).toThrow('Usage')
})

test('a table is Markdown with its numbers to the right', () => {
  expect(
    markdownTable(
      ['name', 'n'],
      [
        ['a', '1'],
        ['bcdef', '10'],
      ],
    ),
  ).toBe('| name  |   n |\n| ----- | --: |\n| a     |   1 |\n| bcdef |  10 |')
})

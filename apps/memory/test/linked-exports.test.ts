import { writeFile } from 'node:fs/promises'
import type { Consolidation } from '@memoric/contracts/consolidation-contract.ts'
import type { Edge, TraverseAnswer } from '@memoric/contracts/edge-contract.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { expect, test } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { processSettings } from './memory-settings.ts'
import { temporaryPath } from './temporary-path.ts'
import { download, madeExport } from './use-exports.ts'
import { handOver } from './use-handoffs.ts'
import { call, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()
type Caller = ReturnType<typeof newCaller>

const DAY = 86_400_000
const at = (day: number) => new Date(Math.floor(Date.now() / DAY - 40 + day) * DAY).toISOString()

const consolidate = async (caller: Caller, period: string) =>
  (await call<Consolidation>(memory.app, caller, 'POST', '/v1/consolidations', { period })).body.report
const edges = async (caller: Caller) =>
  (await call<{ items: Edge[] }>(memory.app, caller, 'GET', '/v1/edges')).body.items

async function run(...args: string[]): Promise<{ code: number; said: string[] }> {
  const said: string[] = []
  const tell = (line: string) => said.push(line)
  const env = { ...processSettings, ...memory.settings() }
  return { code: await runMemoryOperator(args, { env, out: tell, err: tell }), said }
}

async function reflected(caller: Caller): Promise<Memory[]> {
  const { body } = await search(memory.app, caller, { subject_id: 'ada', top_k: 100, filters: { role: 'reflection' } })
  const more = await search(memory.app, caller, { subject_id: 'ada', top_k: 100, filters: { role: 'principle' } })
  const all = [...body.results, ...more.body.results].map((result) => result.memory)
  return all.toSorted((one, other) => (one.content < other.content ? -1 : 1))
}

/** Two subjects with reflections, a principle, and edges within and across them. */
async function fill(): Promise<Caller> {
  const caller = newCaller()
  for (const day of [0, 1, 2]) {
    const body = { session_id: `s${day}`, with_whom: 'Ana', learned: 'Ask for the deadline before planning.' }
    await handOver(memory.app, caller, { ...body, subject_id: 'ada', experienced: `Part ${day}`, occurred_at: at(day) })
    const said = { content: `Ana was here on day ${day}`, speaker: 'Ana', occurred_at: at(day) }
    await remember(memory.app, caller, { ...said, subject_id: 'ada' })
  }
  await consolidate(caller, 'weekly')
  const one = (await remember(memory.app, caller, { content: 'one', subject_id: 'ada' })).body.id
  const two = (await remember(memory.app, caller, { content: 'two', subject_id: 'ada' })).body.id
  const three = (await remember(memory.app, caller, { content: 'three', subject_id: 'zoe' })).body.id
  const link = (from: string, to: string, more: object = {}) =>
    call(memory.app, caller, 'POST', '/v1/edges', { from, to, type: 'depends_on', ...more })
  await link(one, two, { properties: { why: 'tea' } })
  await link(two, three)
  return caller
}

test('reflections and edges are in an export, and an import brings them back, once', async () => {
  const caller = await fill()
  const made = await madeExport(memory, caller)
  const file = await temporaryPath('linked.ndjson')
  await writeFile(file, (await download(memory, caller, made.id)).body)
  const other = newCaller()
  const first = await run('import', file, '--tenant', other.tenantId)
  expect([first.code, first.said]).toEqual([0, expect.anything()])
  const mine = await reflected(caller)
  const theirs = await reflected(other)
  expect(theirs.map(({ content, metadata }) => [content, metadata['kind']])).toEqual(
    mine.map(({ content, metadata }) => [content, metadata['kind']]),
  )
  expect(theirs.some(({ role }) => role === 'principle')).toBe(true)
  const [from] = (await edges(other)).filter(({ properties }) => properties['why'] === 'tea')
  const walked = await call<TraverseAnswer>(memory.app, other, 'POST', '/v1/edges/traverse', { from: from!.from })
  expect(walked.body.nodes.map((node) => node.memory.content)).toEqual(['one', 'two', 'three'])
  await run('import', file, '--tenant', other.tenantId)
  expect(await edges(other)).toHaveLength(2)
  expect(await consolidate(other, 'weekly')).toMatchObject({ reflections: 0 })
  expect(await reflected(other)).toHaveLength(mine.length)
  const [source] = await memory.admin<{ source_id: string }[]>`
    select source_id from reflection_sources rs join reflections r on r.tenant_id = rs.tenant_id and r.id = rs.reflection_id
    where r.tenant_id = ${other.tenantId} and r.kind = 'principle'`
  await call(memory.app, other, 'DELETE', `/v1/handoffs/${source!.source_id}`)
  expect((await reflected(other)).some(({ role }) => role === 'principle')).toBe(false)
})

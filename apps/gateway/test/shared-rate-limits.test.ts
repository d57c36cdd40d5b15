import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@memoric/local/free-port.ts'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { problemOf } from './problem-of.ts'
import { type RunningGateway, useGateway } from './use-gateway.ts'

const program = 'redis-server'
const isMissing = spawnSync(program, ['--version']).error !== undefined

describe.skipIf(isMissing)(`two gateways with one Redis${isMissing ? ' (redis-server is not installed)' : ''}`, () => {
  const gateway = useGateway()
  const children: ChildProcess[] = []
  let folder: string
  let port: number

  const startRedis = async () => {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
    children.push(spawn(program, settings, { stdio: 'ignore' }))
    const redis = new Redis(port, '127.0.0.1')
    redis.on('error', () => undefined)
    await vi.waitFor(() => redis.ping(), { timeout: 10_000, interval: 50 })
    redis.disconnect()
  }
  const end = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'memoric-test-redis-'))
    port = await freePort()
    await startRedis()
  })
  afterAll(async () => {
    for (const child of children) await end(child)
    await rm(folder, { recursive: true, force: true })
  })

  const limited = () =>
    gateway.startAnother({ REDIS_URL: `redis://127.0.0.1:${port}`, RATE_LIMIT_ANONYMOUS_MAX: '3', RATE_LIMIT_MAX: '3' })
  const ask = ({ app }: RunningGateway, headers: Record<string, string> = {}) =>
    app.inject({ url: '/v1/memories', headers, remoteAddress: '192.0.2.9' })

  test('count together, and refuse while it is away instead of letting everything through', async () => {
    const pair = [await limited(), await limited()] as const
    const headers = { 'x-api-key': gateway.newKey().text }
    expect((await ask(pair[0], headers)).headers['ratelimit-remaining']).toBe('2')
    expect((await ask(pair[1], headers)).headers['ratelimit-remaining']).toBe('1')
    expect((await ask(pair[0], headers)).statusCode).toBe(200)
    expect((await ask(pair[1], headers)).statusCode).toBe(429)
    for (const one of [pair[0], pair[1], pair[0]]) expect((await ask(one)).statusCode).toBe(401)
    expect((await ask(pair[1])).statusCode).toBe(429)

    for (const child of children) await end(child)
    const refused = await ask(pair[0], headers)
    expect(refused.statusCode).toBe(503)
    expect(refused.headers['retry-after']).toBe('1')
    expect(problemOf(refused).code).toBe('service_unavailable')

    await startRedis()
    await expect.poll(async () => (await ask(pair[0], headers)).statusCode, { timeout: 10_000 }).toBe(200)
  })
})

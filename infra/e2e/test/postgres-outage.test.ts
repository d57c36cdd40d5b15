import { type Account, createAccount } from '@memoric/e2e/accounts.ts'
import type { ApiAnswer } from '@memoric/e2e/api-client.ts'
import { createdCounts, denseLength, storedMemories } from '@memoric/e2e/event-log.ts'
import { readiness } from '@memoric/e2e/readiness.ts'
import { delivered, settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { beforeAll, expect, test } from 'vitest'

const stack = useStack()
const patience = { timeout: 20_000, interval: 100 }
let account: Account

beforeAll(async () => {
  account = await createAccount(stack)
  await stack.api.ok('createMemory', account.key, { body: { content: 'the first' } })
  await settled(stack)
})

function expectToldToComeBack({ status, problem, headers, text }: ApiAnswer): void {
  expect(status, text).toBe(503)
  expect(problem?.code).toBe('service_unavailable')
  expect(headers['retry-after']).toBe('1')
  expect(text).not.toMatch(/ECONN|postgres|sql|connect/i)
}

test.each(['stop', 'kill'] as const)(
  'when PostgreSQL goes (%s), requests are told to come back, and it all goes on by itself',
  async (how) => {
    const { api, settings } = stack
    await stack.postgres[how]()
    const login = { email: account.email, password: account.password }
    expectToldToComeBack(await api.call('createMemory', account.key, { body: { content: 'lost' } }))
    expectToldToComeBack(await api.call('listMemories', account.key))
    expectToldToComeBack(await api.call('searchMemories', account.key, { body: { query: 'first' } }))
    expectToldToComeBack(await api.call('me', account.session))
    expectToldToComeBack(await api.call('login', null, { body: login }))
    expectToldToComeBack(await api.call('listAuditLogs', account.session))
    for (const app of ['auth', 'memory', 'audit', 'gateway'] as const) {
      await expect.poll(() => readiness(settings.urls[app]), patience).toMatchObject({ code: 503, status: 'not_ready' })
      expect((await fetch(`${settings.urls[app]}/health`)).status).toBe(200)
    }

    await stack.postgres.start()
    const retry = () => api.call('createMemory', account.key, { body: { content: `after ${how}` } })
    await expect.poll(async () => (await retry()).status, patience).toBeLessThan(300)
    await expect.poll(async () => (await api.call('login', null, { body: login })).status, patience).toBe(200)
    await expect.poll(async () => (await api.call('listAuditLogs', account.session)).status, patience).toBe(200)
    for (const url of Object.values(settings.urls)) {
      await expect.poll(() => readiness(url), patience).toMatchObject({ code: 200, status: 'ready' })
    }
    await expectComplete()
  },
)

test('PostgreSQL goes in the middle of writes: what was acknowledged is there, and so are its events', async () => {
  const acknowledged = new Set<string>()
  let running = true
  const write = async (writer: number) => {
    for (let i = 0; running; i++) {
      const answer = await stack.api.call('createMemory', account.key, { body: { content: `${writer} wrote ${i}` } })
      if (answer.status === 201) acknowledged.add((answer.body as { id: string }).id)
      else expect(answer.status, answer.text).toBe(503)
    }
  }
  const writers = [1, 2, 3, 4].map(write)
  await expect.poll(() => acknowledged.size, patience).toBeGreaterThan(50)
  await stack.postgres.kill()
  await stack.postgres.start()
  const before = acknowledged.size
  await expect.poll(() => acknowledged.size, patience).toBeGreaterThan(before + 50)
  running = false
  await Promise.all(writers)
  const stored = new Set(await storedMemories(stack, account.tenantId))
  expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([])
  await expectComplete()
})

/** Each memory that exists has its event once, and the log has no gap. */
async function expectComplete(): Promise<void> {
  await delivered(stack)
  const logged = await createdCounts(stack, account.tenantId)
  expect([...logged.keys()].toSorted()).toEqual((await storedMemories(stack, account.tenantId)).toSorted())
  expect(new Set(logged.values())).toEqual(new Set([1]))
  expect(await denseLength(stack, account.tenantId)).toBeGreaterThan(logged.size)
}

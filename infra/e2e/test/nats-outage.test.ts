import { createAccount, register } from '@memoric/e2e/accounts.ts'
import { alertLines, createdCounts, denseLength, storedMemories } from '@memoric/e2e/event-log.ts'
import { readiness } from '@memoric/e2e/readiness.ts'
import { delivered } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { expect, test } from 'vitest'

const stack = useStack()
const patience = { timeout: 20_000, interval: 100 }

test('while NATS is away everything goes on, and afterwards each event is in the log once', async () => {
  const { api, nats, settings } = stack
  const account = await createAccount(stack)
  const remember = (content: string) => api.ok('createMemory', account.key, { body: { content } })
  await remember('before')
  await nats.kill()
  for (let i = 0; i < 30; i++) await remember(`during ${i}`)
  const items = Array.from({ length: 100 }, (_, i) => ({ content: `in a batch ${i}` }))
  await api.ok('createMemories', account.key, { body: { items } })
  const found = await api.ok('searchMemories', account.key, { body: { query: 'during', top_k: 100 } })
  expect(found.results).toHaveLength(30)
  const late = await register(stack)
  expect((await api.ok('me', late.session)).tenant.id).toBe(late.tenantId)

  for (const url of Object.values(settings.urls)) {
    await expect
      .poll(() => readiness(url), patience)
      .toMatchObject({ code: 200, status: 'degraded', checks: { nats: 'failed' } })
  }
  await nats.start()
  await remember('after')
  await delivered(stack)
  for (const url of Object.values(settings.urls)) {
    await expect.poll(() => readiness(url), patience).toMatchObject({ code: 200, status: 'ready' })
  }

  const stored = await storedMemories(stack, account.tenantId)
  expect(stored).toHaveLength(132)
  const logged = await createdCounts(stack, account.tenantId)
  expect([...logged.keys()].toSorted()).toEqual(stored.toSorted())
  expect(new Set(logged.values())).toEqual(new Set([1]))
  // Registration, key, 132 memories, one search.
  const length = await denseLength(stack, account.tenantId)
  expect(length - (await alertLines(stack, account.tenantId))).toBe(135)
  expect(await denseLength(stack, late.tenantId)).toBe(1)
})

test('a revocation that no gateway heard counts as soon as NATS is back', async () => {
  const { api, nats } = stack
  const account = await createAccount(stack)
  await api.ok('me', account.key)
  await nats.kill()
  await api.ok('revokeApiKey', account.session, { params: { id: account.keyId } })
  expect((await api.call('me', account.key)).status).toBe(200)
  await nats.start()
  await expect.poll(async () => (await api.call('me', account.key)).status, patience).toBe(401)
})

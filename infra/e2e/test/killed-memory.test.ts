import { createAccount } from '@memoric/e2e/accounts.ts'
import { createdCounts, denseLength, storedMemories } from '@memoric/e2e/event-log.ts'
import { delivered, outboxIds, settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { expect, test } from 'vitest'

const stack = useStack({ processes: ['memory'] })
const patience = { timeout: 20_000, interval: 50 }

test('the memory service is killed between commit and relay: its events go out when it is back, once', async () => {
  const { api, nats } = stack
  const account = await createAccount(stack)
  await settled(stack)
  nats.suspend()
  for (let i = 0; i < 20; i++) await api.ok('createMemory', account.key, { body: { content: `memory ${i}` } })
  expect(await outboxIds(stack)).toHaveLength(20)
  await stack.kill('memory')
  const refused = await api.call('createMemory', account.key, { body: { content: 'nobody there' } })
  expect(refused.problem?.code).toBe('service_unavailable')
  nats.resume()
  await stack.start('memory')
  await delivered(stack)
  await expectComplete(account.tenantId, 20)
})

test('the memory service is killed in the middle of writes: what was acknowledged stays, with its events', async () => {
  const { api } = stack
  const account = await createAccount(stack)
  const acknowledged = new Set<string>()
  let running = true
  const write = async (writer: number) => {
    for (let i = 0; running; i++) {
      const answer = await api.call('createMemory', account.key, { body: { content: `${writer} wrote ${i}` } })
      if (answer.status === 201) acknowledged.add((answer.body as { id: string }).id)
      else expect(answer.status, answer.text).toBe(503)
    }
  }
  const writers = [1, 2, 3, 4].map(write)
  await expect.poll(() => acknowledged.size, patience).toBeGreaterThan(30)
  await stack.kill('memory')
  const before = acknowledged.size
  await stack.start('memory')
  await expect.poll(() => acknowledged.size, patience).toBeGreaterThan(before + 30)
  running = false
  await Promise.all(writers)
  await delivered(stack)
  const stored = await expectComplete(account.tenantId)
  expect([...acknowledged].filter((id) => !stored.includes(id))).toEqual([])
})

/** Each memory that exists has its event once, and the log has no gap. Gives their ids. */
async function expectComplete(tenantId: string, count?: number): Promise<string[]> {
  const stored = await storedMemories(stack, tenantId)
  if (count !== undefined) expect(stored).toHaveLength(count)
  const logged = await createdCounts(stack, tenantId)
  expect([...logged.keys()].toSorted()).toEqual(stored.toSorted())
  expect(new Set(logged.values())).toEqual(new Set([1]))
  // Registration and key come before the memories.
  expect(await denseLength(stack, tenantId)).toBe(stored.length + 2)
  return stored
}

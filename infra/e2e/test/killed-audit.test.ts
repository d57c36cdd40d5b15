import { createAccount } from '@memoric/e2e/accounts.ts'
import { createdCounts, denseLength, storedMemories } from '@memoric/e2e/event-log.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { expect, test } from 'vitest'

const stack = useStack({ processes: ['audit'] })
const patience = { timeout: 20_000, interval: 50 }

test('the audit service is killed between commit and acknowledgement: no event is lost and none is double', async () => {
  const { admin, api, nats } = stack
  const account = await createAccount(stack)
  await settled(stack)
  const before = await denseLength(stack, account.tenantId)

  // The batch has arrived and waits for this lock; NATS goes before the commit, so that nothing can be acknowledged.
  const locked = Promise.withResolvers<undefined>()
  const release = Promise.withResolvers<undefined>()
  const lock = admin.audit.begin(async (sql) => {
    await sql`lock table audit_logs in share mode`
    locked.resolve(undefined)
    await release.promise
  })
  await locked.promise
  const items = Array.from({ length: 50 }, (_, i) => ({ content: `memory ${i}` }))
  await api.ok('createMemories', account.key, { body: { items } })
  await expect.poll(waitingInserts, patience).toBeGreaterThan(0)
  await nats.kill()
  release.resolve(undefined)
  await lock
  await expect.poll(() => denseLength(stack, account.tenantId), patience).toBe(before + 50)
  await stack.kill('audit')

  await nats.start()
  await stack.start('audit')
  expect(await admin.memory`select from outbox`).toHaveLength(50)
  const more = Array.from({ length: 50 }, (_, i) => ({ content: `another ${i}` }))
  await api.ok('createMemories', account.key, { body: { items: more } })
  // Also those whose confirmation was lost: they are delivered again.
  await settled(stack)
  const stored = await storedMemories(stack, account.tenantId)
  expect(stored).toHaveLength(100)
  const logged = await createdCounts(stack, account.tenantId)
  expect([...logged.keys()].toSorted()).toEqual(stored.toSorted())
  expect(new Set(logged.values())).toEqual(new Set([1]))
  expect(await denseLength(stack, account.tenantId)).toBe(before + 100)

  async function waitingInserts(): Promise<number> {
    const [row] = await admin.auth<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity
      where application_name = 'memoric-audit' and wait_event_type = 'Lock'`
    return row?.count ?? 0
  }
}, 120_000)

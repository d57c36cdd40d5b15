import type { TenantId } from '@memoric/contracts/ids.ts'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { type Account, createAccount } from '@memoric/e2e/accounts.ts'
import { startAppProcess } from '@memoric/e2e/app-process.ts'
import { createdCounts, denseLength, storedMemories } from '@memoric/e2e/event-log.ts'
import { delivered, outboxIds, settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { freePort } from '@memoric/local/free-port.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
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

test('one of two memory services is killed while both write to the same subjects: the numbers have no gap, and keys work once', async () => {
  const account = await createAccount(stack)
  const port = await freePort()
  const environment = { ...stack.settings.environments.memory, PORT: String(port) }
  let second = await startAppProcess('memory', environment)
  const acknowledged = new Map<string, string>()
  const written = { gateway: 0, second: 0 }
  let running = true
  const isRunning = () => running
  const write = async (through: 'gateway' | 'second', writer: number) => {
    for (let i = 0; isRunning(); i++) {
      const key = `${through} ${writer} ${i}`
      const body = { content: `number ${i}`, subject_id: `s${(writer + i) % 5}`, on_duplicate: 'create' }
      // What is not known to be written is sent again, with the same key.
      for (let id: string | null = null; id === null && isRunning();) {
        id = await (through === 'gateway' ? sendThere(account, key, body) : sendTo(port, account, key, body))
        if (id === null) continue
        acknowledged.set(key, id)
        written[through] += 1
      }
    }
  }
  const writers = [0, 1, 2].flatMap((writer) => [write('gateway', writer), write('second', writer)])
  for (let round = 0; round < 3; round++) {
    const before = { ...written }
    await expect.poll(() => written.second - before.second, patience).toBeGreaterThan(15)
    await second.kill()
    await expect.poll(() => written.gateway - before.gateway, patience).toBeGreaterThan(30)
    second = await startAppProcess('memory', environment)
  }
  running = false
  await Promise.all(writers)
  await second.stop()
  await delivered(stack)
  const stored = await expectComplete(account.tenantId)
  expect(new Set(acknowledged.values())).toHaveLength(acknowledged.size)
  expect([...acknowledged.values()].filter((id) => !stored.includes(id))).toEqual([])
  const subjects = await stack.admin.memory<{ last_seq: number; seqs: number[] }[]>`
    select s.last_seq::int, array_agg(m.seq::int order by m.seq) as seqs
    from subjects s join memories m using (tenant_id, subject_id)
    where tenant_id = ${account.tenantId} group by s.tenant_id, s.subject_id, s.last_seq`
  expect(subjects).toHaveLength(5)
  for (const { last_seq, seqs } of subjects) expect(seqs).toEqual(Array.from({ length: last_seq }, (_, at) => at + 1))
}, 90_000)

/** The id of what was made, through the gateway; null when nobody knows. */
async function sendThere(account: Account, key: string, body: object): Promise<string | null> {
  const answer = await stack.api.call('createMemory', account.key, { body, headers: { 'idempotency-key': key } })
  return answer.status === 201 ? (answer.body as { id: string }).id : null
}

/** The same to a memory service as the gateway sends it. */
async function sendTo(port: number, account: Account, key: string, body: object): Promise<string | null> {
  const caller = { principal: { type: 'api_key' as const, id: account.keyId }, subjects: '*', namespaces: '*' } as const
  const named = { ...caller, tenantId: account.tenantId as TenantId, permissions: [...PERMISSIONS] }
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/memories`, {
      method: 'POST',
      headers: {
        ...callerHeaders(stack.settings.serviceKey, 'memory', named),
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
    })
    const { id } = (await answer.json()) as { id?: string }
    return answer.status === 201 ? (id ?? null) : null
  } catch {
    return null
  }
}

/** Each memory that exists has its event once, and the log has no gap. Gives their ids. */
async function expectComplete(tenantId: string, count?: number): Promise<string[]> {
  const stored = await storedMemories(stack, tenantId)
  if (count !== undefined) expect(stored).toHaveLength(count)
  const logged = await createdCounts(stack, tenantId)
  expect([...logged.keys()].toSorted()).toEqual(stored.toSorted())
  expect(new Set(logged.values())).toEqual(new Set([1]))
  // Registration and key come before the memories, and there may be alerts.
  expect(await denseLength(stack, tenantId)).toBeGreaterThanOrEqual(stored.length + 2)
  return stored
}

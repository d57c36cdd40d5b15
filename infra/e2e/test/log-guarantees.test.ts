import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EVENT_STREAM } from '@memoric/contracts/subjects.ts'
import { createAccount } from '@memoric/e2e/accounts.ts'
import { createdCounts, denseLength, storedMemories } from '@memoric/e2e/event-log.ts'
import { delivered, outboxIds, settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

interface Posted {
  readonly type: string
  readonly data: { readonly id: string; readonly detection: string; readonly evidence: readonly string[] }
}

const stack = useStack({
  overrides: (app) => (app === 'audit' ? { OUTBOUND_PRIVATE_NETWORKS: 'true', AUDIT_COMPARISON_SECONDS: '1' } : {}),
})
const HOUR_MS = 3_600_000
const patience = { timeout: 30_000, interval: 100 }
let posted: Posted[] = []

const receiver = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    posted.push(JSON.parse(Buffer.concat(chunks).toString()) as Posted)
    response.writeHead(204).end()
  })
})
beforeAll(() => new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise((resolve) => receiver.close(resolve)))
beforeEach(() => {
  posted = []
})

test('a log with fewer events of an hour than were written raises an alert that is posted', async () => {
  const { api, admin } = stack
  const { session, tenantId } = await createAccount(stack)
  const body = { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook` }
  await api.ok('createAlertWebhook', session, { body })
  const hour = Math.floor(Date.now() / HOUR_MS) - 3
  // As if counting had begun five hours ago, and memory had written two events that somebody took out of the log.
  await admin.memory`update outbox_counts set hour = ${hour - 2}, events = 0, id_sum = 0
    where tenant_id = '00000000-0000-0000-0000-000000000000'`
  await admin.memory`
    insert into outbox_counts (tenant_id, hour, events, id_sum) values (${tenantId}, ${hour}, 2, 12345)`
  await expect.poll(() => posted.map(({ data }) => data.detection), patience).toContain('log_fault')
  const alarm = posted.find(({ data }) => data.detection === 'log_fault')
  const alert = await api.ok('getAlert', session, { params: { id: alarm?.data.id ?? '' } })
  expect(alert).toMatchObject({ severity: 'critical', state: 'open', evidence: alarm?.data.evidence })
  const { items } = await api.ok('listAuditLogs', session, { query: { operation: 'audit.difference_found' } })
  expect(items).toMatchObject([
    {
      event_id: alert.evidence[0],
      outcome: 'failure',
      reason: 'events_missing',
      details: { app: 'memory', hour: new Date(hour * HOUR_MS).toISOString(), counted: 2, logged: 0 },
    },
  ])
  const raised = async () => {
    const { items: lines } = await api.ok('listAuditLogs', session, { query: { operation: 'alert.raised' } })
    return lines.map(({ resource_id }) => resource_id)
  }
  await expect.poll(raised, patience).toContain(alert.id)
}, 60_000)

test('a line that a superuser took away is found by the next comparison', async () => {
  const { api, admin } = stack
  const { session, key, tenantId } = await createAccount(stack)
  const body = { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook` }
  await api.ok('createAlertWebhook', session, { body })
  for (const content of ['one', 'two', 'three']) await api.ok('createMemory', key, { body: { content } })
  await settled(stack)
  const [line] = await admin.audit.begin(async (tx) => {
    await tx`set local session_replication_role = 'replica'`
    return tx<{ id: string }[]>`
      delete from audit_logs where ctid = (
        select ctid from audit_logs where tenant_id = ${tenantId} and operation = 'memory.created' limit 1)
        and tenant_id = ${tenantId}
      returning event_id as id`
  })
  expect(line).toBeDefined()
  // The hour is over for audit once its clock is an hour and ten minutes later.
  await stack.stop('audit')
  const now = Date.now
  Date.now = () => now() + HOUR_MS + 11 * 60_000
  try {
    await admin.memory`update outbox_counts set hour = hour - 5
      where tenant_id = '00000000-0000-0000-0000-000000000000'`
    await stack.start('audit')
    const differences = () => admin.audit<{ details: object }[]>`
      select payload::jsonb #> '{data,details}' as details from outbox where tenant_id = ${tenantId}
        and payload::jsonb ->> 'type' = 'audit.difference_found'
      union all
      select details from audit_logs where tenant_id = ${tenantId} and operation = 'audit.difference_found'`
    await expect.poll(async () => (await differences()).length, patience).toBe(1)
    expect((await differences())[0]).toMatchObject({ details: { app: 'memory', counted: 3, logged: 2 } })
  } finally {
    Date.now = now
  }
}, 90_000)

test('after the stream was lost the log gets everything that was not confirmed, once', async () => {
  const { api, nats } = stack
  const { key, tenantId } = await createAccount(stack)
  await settled(stack)
  await stack.stop('audit')
  for (let i = 0; i < 20; i += 1) await api.ok('createMemory', key, { body: { content: `in a stream that goes ${i}` } })
  const connection = await connect(nats.login('admin'))
  const stream = async (verb: 'INFO' | 'DELETE') =>
    (await connection.request(`$JS.API.STREAM.${verb}.${EVENT_STREAM}`)).json<{ state?: { messages: number } }>()
  await expect.poll(async () => (await stream('INFO')).state?.messages, patience).toBeGreaterThanOrEqual(20)
  expect(await stream('DELETE')).toMatchObject({ success: true })
  await connection.close()
  expect((await outboxIds(stack)).length).toBeGreaterThanOrEqual(20)
  await stack.start('audit')
  await api.ok('createMemory', key, { body: { content: 'in the one that comes' } })
  await delivered(stack)
  const stored = await storedMemories(stack, tenantId)
  expect(stored).toHaveLength(21)
  expect(await createdCounts(stack, tenantId)).toEqual(new Map(stored.map((id) => [id, 1])))
  await denseLength(stack, tenantId)
}, 120_000)

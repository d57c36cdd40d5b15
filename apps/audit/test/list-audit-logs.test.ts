import type { AuditLog } from '@memoric/contracts/audit-contract.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import { createServiceKey } from '@memoric/crypto/service-key.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { makeCaller, makeEvent, TENANT_A, TENANT_B } from './make-event.ts'
import { useAuditApp } from './use-audit-app.ts'

interface Page {
  readonly items: AuditLog[]
  readonly next_cursor: string | null
  readonly previous_cursor: string | null
  readonly code?: string
}

const audit = useAuditApp(useAuditDatabase())

async function get(query: Record<string, string>, caller: Partial<Caller> = {}) {
  const url = `/v1/audit/logs?${new URLSearchParams(query).toString()}`
  return audit.call<Page>('GET', url, caller)
}

/** Ids of the lines that a query finds, newest first. */
async function find(query: Record<string, string>, caller: Partial<Caller> = {}): Promise<string[]> {
  const { status, body } = await get(query, caller)
  expect(status).toBe(200)
  return body.items.map(({ event_id: id }) => id)
}

describe('filters', () => {
  const tenantId = '0198c0de-0000-7000-8000-0000000000f1' as Caller['tenantId']
  const mine = { tenantId, principal: { type: 'user', id: 'ada' } } as const
  const login = makeEvent(
    { type: 'auth.login.failed', resourceId: 'user/100%_sure', outcome: 'failure', reason: 'wrong_password' },
    { ...mine, requestId: 'request-77' },
  )
  const denied = makeEvent(
    { outcome: 'denied', resourceId: 'memory' },
    { tenantId, principal: { type: 'api_key', id: 'k1' } },
  )
  const created = makeEvent({ resourceId: 'm1' }, mine)
  const searched = makeEvent({ type: 'memory.searched', resourceId: 'subject-1' }, mine)
  const ids = [searched, created, denied, login].map(({ eventId }) => eventId)
  const [searchedId, createdId, deniedId, loginId] = ids as [string, string, string, string]
  const others = Array.from({ length: 3 }, () => makeEvent({ resourceId: 'm1' }, { tenantId: TENANT_B }))
  beforeAll(() => audit.log(login, denied, created, searched, ...others))

  const hour = 3_600_000
  const at = (offset: number) => new Date(Date.now() + offset).toISOString()
  const cases: [name: string, query: () => Record<string, string>, expected: string[]][] = [
    ['an actor', () => ({ actor: 'k1' }), [deniedId]],
    ['an operation', () => ({ operation: 'memory.searched' }), [searchedId]],
    ['operations that begin alike', () => ({ operation: 'memory.*' }), [searchedId, createdId, deniedId]],
    ['a beginning is not a whole operation', () => ({ operation: 'memory' }), []],
    ['a type of resource, or an id that is called so', () => ({ resource: 'memory' }), [createdId, deniedId]],
    ['an id of a resource', () => ({ resource: 'm1' }), [createdId]],
    ['type and id of a resource', () => ({ resource: 'memory/m1' }), [createdId]],
    ['an id with a slash', () => ({ resource: 'user/100%_sure' }), [loginId]],
    ['type and an id with a slash', () => ({ resource: 'user/user/100%_sure' }), [loginId]],
    ['a pair that does not exist', () => ({ resource: 'user/m1' }), []],
    ['an outcome', () => ({ outcome: 'denied' }), [deniedId]],
    ['a request', () => ({ request_id: 'request-77' }), [loginId]],
    ['text in any case', () => ({ q: 'WRONG_pass' }), [loginId]],
    ['text with the wildcards of LIKE taken as they are', () => ({ q: '%_SURE' }), [loginId]],
    ['a wildcard alone finds what holds it', () => ({ q: '%' }), [loginId]],
    ['a backslash', () => ({ q: '\\' }), []],
    ['a quote', () => ({ q: "' or 1=1 --" }), []],
    ['since an hour ago', () => ({ from: at(-hour), operation: 'memory.*' }), [searchedId, createdId, deniedId]],
    ['until an hour ago', () => ({ to: at(-hour) }), []],
    ['from an hour ahead', () => ({ from: at(hour) }), []],
    ['an hour around now', () => ({ from: at(-hour), to: at(hour), actor: 'k1' }), [deniedId]],
    [
      'the greatest times',
      () => ({ from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59Z', actor: 'k1' }),
      [deniedId],
    ],
    ['several at once', () => ({ actor: 'ada', operation: 'memory.*', outcome: 'success', q: 'm1' }), [createdId]],
  ]
  test.each(cases)('%s', async (_name, query, expected) => {
    expect(await find(query(), { tenantId, principal: { type: 'user', id: 'reader' } })).toEqual(expected)
  })

  test('another tenant sees nothing of it', async () => {
    expect(await find({ actor: 'k1' }, { tenantId: TENANT_B })).toEqual([])
    expect(await find({ resource: 'm1' }, { tenantId: TENANT_B })).toHaveLength(3)
  })

  test('times leave out the partitions of other months', async () => {
    const plan = await audit.admin<{ 'QUERY PLAN': string }[]>`
      explain select * from audit_logs
      where tenant_id = ${tenantId} and event_id >= least_event_id(now()) and event_id < least_event_id(now() + interval '1 minute')`
    const scanned = plan.filter((line) => line['QUERY PLAN'].includes(' on audit_logs_'))
    expect(scanned.length).toBeLessThanOrEqual(2)
  })
})

describe('pages', () => {
  const tenantId = '0198c0de-0000-7000-8000-0000000000f2' as Caller['tenantId']
  const some = (count: number) => Array.from({ length: count }, () => makeEvent({}, { tenantId }))

  test('go through the log once, without gaps or repeats, while it grows', async () => {
    const events = some(95)
    await audit.log(...events)
    const seen: number[] = []
    let cursor: string | null = null
    do {
      const { body } = await get(
        { limit: '10', operation: 'memory.created', ...(cursor !== null && { cursor }) },
        { tenantId },
      )
      seen.push(...body.items.map(({ tenant_seq: seq }) => seq))
      cursor = body.next_cursor
      await audit.log(...some(7))
    } while (cursor !== null)
    expect(seen).toEqual(Array.from({ length: 95 }, (_, i) => 95 - i))
  })

  test('the last one has no cursor', async () => {
    const { body } = await get(
      { limit: '200' },
      { tenantId: '0198c0de-0000-7000-8000-0000000000f3' as Caller['tenantId'] },
    )
    expect(body).toEqual({ items: [], next_cursor: null, previous_cursor: null })
  })

  test.each([
    'x',
    Buffer.from('{"before":0}').toString('base64url'),
    Buffer.from('{"before":1e400}').toString('base64url'),
  ])('refuse the cursor %s', async (cursor) => {
    expect(await get({ cursor })).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } })
  })
})

describe('personal data', () => {
  const tenantId = '0198c0de-0000-7000-8000-0000000000f4' as Caller['tenantId']
  const caller = { tenantId, principal: { type: 'user', id: 'mary' } } as const

  test('is opened for readers until the key of the actor is destroyed', async () => {
    const event = makeEvent({ email: 'mary@example.org' }, caller)
    const other = makeEvent({}, { tenantId, principal: { type: 'user', id: 'joan' } })
    await audit.log(event, other)
    const line = async () => (await get({ actor: 'mary', operation: 'memory.created' }, caller)).body.items[0]
    expect(await line()).toMatchObject({
      event_id: event.eventId,
      ip_address: '192.0.2.77',
      user_agent: 'PlantedAgent/1.0',
      email: 'mary@example.org',
    })
    await tenantTransaction(
      audit.sql,
      { tenantId, subjects: '*', namespaces: '*' },
      (tx) => tx`
      delete from actor_keys where actor = 'user:mary'`,
    )
    expect(await line()).toMatchObject({ event_id: event.eventId, ip_address: null, user_agent: null, email: null })
    const { body } = await get({ actor: 'joan' }, caller)
    expect(body.items[0]).toMatchObject({ ip_address: '192.0.2.77' })
  })

  test('that was moved to another line does not open there', async () => {
    const [from, to] = [makeEvent({}, caller), makeEvent({}, { ...caller, clientAddress: '203.0.113.5' })]
    await audit.log(from, to)
    await audit.admin`alter table personal_data disable trigger personal_data_is_final`
    await audit.admin`
      update personal_data set sealed = (select sealed from personal_data where event_id = ${from.eventId})
      where event_id = ${to.eventId}`
    const { body } = await get({ actor: 'mary', limit: '2' }, caller)
    expect(body.items.map((line) => [line.event_id, line.ip_address])).toEqual([
      [to.eventId, null],
      [from.eventId, '192.0.2.77'],
    ])
  })
})

describe('reading', () => {
  test.each([{ subjects: ['ada'] }, { namespaces: ['work'] }, { subjects: [], namespaces: [] }])(
    'is refused to a credential that is limited: %j',
    async (limits) => {
      const { status, body } = await get({}, { tenantId: TENANT_A, ...limits })
      expect([status, body.code]).toEqual([403, 'permission_denied'])
    },
  )

  test('is logged in the outbox, with what was filtered by but not for', async () => {
    const before = audit.woken()
    await get({ q: 'looked-for', actor: 'ada', limit: '3' }, { tenantId: TENANT_A, requestId: 'the-read' })
    expect(audit.woken()).toBe(before + 1)
    const [row] = await audit.admin<{ payload: string; subject: string }[]>`
      select subject, payload from outbox where tenant_id = ${TENANT_A} and payload like '%the-read%'`
    expect(row!.subject).toBe(`memoric.v1.${TENANT_A}.audit.read`)
    expect(JSON.parse(row!.payload)).toMatchObject({
      source: 'memoric/audit',
      type: 'audit.read',
      data: { endpoint: '/v1/audit/logs', details: { filters: ['actor', 'q'], returned: 0 } },
    })
    expect(row!.payload).not.toContain('looked-for')
  })

  test('that cannot be logged gives nothing', async () => {
    await audit.admin`alter table outbox add constraint broken check (payload not like '%unlogged%')`
    const { status } = await get({}, { requestId: 'unlogged' })
    await audit.admin`alter table outbox drop constraint broken`
    expect(status).toBe(500)
  })

  test('needs audit:read and a service that proves itself', async () => {
    expect(await get({}, { permissions: ['memories:read'] })).toMatchObject({ status: 403 })
    expect((await audit.app.inject({ url: '/v1/audit/logs' })).statusCode).toBe(401)
    const other = createServiceKey('gateway')
    const headers = callerHeaders(other, 'audit', makeCaller())
    expect((await audit.app.inject({ url: '/v1/audit/logs', headers })).statusCode).toBe(401)
  })
})

import type { AuditLog } from '@memoric/contracts/audit-contract.ts'
import type { DeadLetter } from '@memoric/contracts/dead-letter-contract.ts'
import type { Problem } from '@memoric/contracts/error-codes.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import { confirmedSubject, DEAD_LETTER_STREAM } from '@memoric/contracts/subjects.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { useNats } from '@memoric/testkit/use-nats.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { runAuditCommand } from '../src/operator/run-audit-command.ts'
import { useAuditDatabase } from './audit-database.ts'
import { auditEnvironment, serviceKey, startAudit } from './audit-environment.ts'
import { denseLog } from './dense-log.ts'
import { makeCaller, makeEvent, TENANT_A, TENANT_B } from './make-event.ts'

const database = useAuditDatabase()
const nats = useNats()
const confirmed = new Set<string>()
const patience = { timeout: 10_000, interval: 20 }
let admin: postgres.Sql
let producer: NatsConnection
let environment: Record<string, string>
let audit: Awaited<ReturnType<typeof startAudit>>

beforeAll(async () => {
  admin = postgres(database.adminUrl, { max: 1, onnotice: () => undefined })
  environment = auditEnvironment({ adminUrl: database.adminUrl, nats })
  audit = await startAudit(environment)
  producer = await connect(nats.login('memory'))
  producer.subscribe(confirmedSubject('memory'), {
    callback: (_error, message) => message.json<{ ids: string[] }>().ids.forEach((id) => confirmed.add(id)),
  })
  await vi.waitFor(async () => expect(await audit.readiness()).toMatchObject({ status: 'ready' }), patience)
})
afterAll(async () => {
  await audit.close()
  await producer.close()
  await admin.end()
})
beforeEach(async () => {
  await admin`truncate dead_letters`
})

/** Publishes as the relay does: under the id of the event. */
async function publish(...events: readonly OutboxEvent[]): Promise<void> {
  for (const { eventId, subject, payload } of events) {
    const heads = headers()
    heads.set('Nats-Msg-Id', eventId)
    await jetstream(producer).publish(subject, payload, { headers: heads })
  }
}

/** An event of a version that knows more than this one: its reason goes away with an upgrade. */
function strange(event = makeEvent()): OutboxEvent {
  return { ...event, payload: event.payload.replace('{"specversion"', '{"novelty":1,"specversion"') }
}

interface Told<T> {
  readonly status: number
  readonly body: T
}

async function ask<T>(method: string, url: string, caller: Partial<Caller> = {}): Promise<Told<T>> {
  const made = makeCaller({ permissions: ['audit:read', 'admin:*'], ...caller })
  const headers = callerHeaders(serviceKey, 'audit', made)
  const answer = await audit.app.inject({ method: method as 'GET', url, headers })
  return { status: answer.statusCode, body: answer.json<T>() }
}

const list = async (caller?: Partial<Caller>, query = '') =>
  (await ask<{ items: DeadLetter[]; next_cursor: string | null }>('GET', `/v1/audit/dead-letters${query}`, caller)).body
const replay = (id: string, caller?: Partial<Caller>) =>
  ask<DeadLetter & Problem>('POST', `/v1/audit/dead-letters/${id}/replay`, caller)

async function kept(count: number): Promise<DeadLetter[]> {
  await expect.poll(async () => (await admin`select 1 from dead_letters`).length, patience).toBe(count)
  return (await list()).items
}

/** Makes a letter one that the log takes, as an upgrade does. */
async function mend(id: string | undefined, event: OutboxEvent): Promise<void> {
  const { sealLetter } = await import('../src/dead-letters/seal-letter.ts')
  await admin`update dead_letters set sealed = ${sealLetter(audit.deps.credentials, id ?? '', Buffer.from(event.payload))}`
}

async function told(operation: string): Promise<AuditLog[]> {
  const { body } = await ask<{ items: AuditLog[] }>('GET', `/v1/audit/logs?operation=${operation}`)
  return body.items
}

async function operate(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = []
  const say = (line: string) => lines.push(line)
  return { code: await runAuditCommand(args, { env: environment, out: say, err: say }), lines }
}

describe('a message that the log does not take', () => {
  test('is kept once, sealed, in a table and a stream, told of in the log, and leaves the outbox of its app', async () => {
    const event = strange()
    await publish(event)
    const [letter] = await kept(1)
    expect(letter).toMatchObject({
      event_id: event.eventId,
      app: 'memory',
      type: 'memory.created',
      reason: 'not valid: event',
      bytes: event.payload.length,
      deliveries: 1,
      replayed_at: null,
    })
    const [row] = await admin<{ sealed: Buffer }[]>`select sealed from dead_letters`
    expect(row!.sealed.includes('memory.created')).toBe(false)
    await expect.poll(() => confirmed.has(event.eventId), patience).toBe(true)
    const reader = await connect(nats.login('admin'))
    expect((await (await jetstreamManager(reader)).streams.info(DEAD_LETTER_STREAM)).state.messages).toBe(1)
    await reader.close()
    await expect
      .poll(async () => (await told('audit.event_rejected'))[0], patience)
      .toMatchObject({ outcome: 'failure', resource_id: letter!.id, details: { event_id: event.eventId } })
  })

  test('is counted, not kept again, when it comes again', async () => {
    const event = strange()
    await publish(event)
    await kept(1)
    await jetstream(producer).publish(event.subject, event.payload)
    await expect.poll(async () => (await list()).items[0]?.deliveries, patience).toBe(2)
  })

  test('does not stop what comes with it, of another tenant neither', async () => {
    const good = Array.from({ length: 20 }, (_, i) => makeEvent({}, { tenantId: i % 2 === 0 ? TENANT_A : TENANT_B }))
    await publish(...good.slice(0, 10), strange(), { ...makeEvent(), payload: '\u0000' }, ...good.slice(10))
    await kept(2)
    await expect.poll(() => good.every(({ eventId }) => confirmed.has(eventId)), patience).toBe(true)
  })

  test('is shown to its tenant only, and to nobody but the operator where it tells no tenant clearly', async () => {
    const torn = { ...makeEvent(), subject: `memoric.v1.${TENANT_B}.memory.created` }
    await publish(strange(), strange(makeEvent({}, { tenantId: TENANT_B })), torn)
    await kept(3)
    expect((await list()).items).toHaveLength(1)
    expect((await list({ tenantId: TENANT_B })).items).toHaveLength(1)
    const { lines } = await operate('audit', 'dead-letters')
    expect(lines).toHaveLength(3)
    expect(lines.filter((line) => line.includes('tenant unclear'))).toHaveLength(1)
  })

  test('that tells of a broken message does not tell of itself', async () => {
    await publish(strange(makeEvent({ type: 'audit.event_rejected' })))
    const [letter] = await kept(1)
    const tells = await admin`
      select 1 from outbox where payload like ${`%${letter!.id}%`}
      union all select 1 from audit_logs where resource_id = ${letter!.id}`
    expect(tells).toEqual([])
  })
})

describe('reading and replaying', () => {
  test('gives pages, newest first, by state', async () => {
    await publish(strange(), strange(), strange())
    const all = await kept(3)
    const first = await list({}, '?limit=2')
    const second = await list({}, `?limit=2&cursor=${first.next_cursor}`)
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    expect(second.next_cursor).toBeNull()
    expect((await list({}, '?state=replayed')).items).toEqual([])
    await expect
      .poll(async () => (await told('audit.dead_letters_read'))[0]?.details, patience)
      .toMatchObject({ filters: ['state'], returned: 0 })
  })

  test('puts a letter whose reason has gone into the log, once', async () => {
    const event = makeEvent()
    await publish(strange(event))
    const [letter] = await kept(1)
    await mend(letter?.id, event)
    const both = await Promise.all([replay(letter!.id), replay(letter!.id)])
    expect(both.map(({ status }) => status)).toEqual([200, 200])
    expect(both[0].body).toMatchObject({ replayed_by: 'user:ada', replayed_at: expect.any(String) as string })
    const [row] = await admin`select count(*)::int as count from audit_logs where event_id = ${event.eventId}`
    expect(row).toEqual({ count: 1 })
    expect((await list({}, '?state=waiting')).items).toEqual([])
    await denseLog(admin)
    await expect
      .poll(async () => (await told('audit.dead_letter_replayed'))[0], patience)
      .toMatchObject({ outcome: 'success', resource_id: letter?.id, actor_id: 'ada' })
  })

  const toldOf = async (id: string) =>
    (await told('audit.dead_letter_replayed')).filter(({ resource_id }) => resource_id === id)

  test('ten at once are one: one event, and the same answer for all', async () => {
    const event = makeEvent()
    await publish(strange(event))
    const [letter] = await kept(1)
    await mend(letter?.id, event)
    const all = await Promise.all(Array.from({ length: 10 }, () => replay(letter!.id)))
    expect(new Set(all.map(({ status, body }) => `${status} ${body.replayed_at}`)).size).toBe(1)
    await expect.poll(() => toldOf(letter!.id), patience).toHaveLength(1)
    const waiting = () => admin`select 1 from outbox where payload like '%dead_letter_replayed%'`
    await expect.poll(waiting, patience).toHaveLength(0)
    expect(await toldOf(letter!.id)).toHaveLength(1)
  })

  test('ten at once that the log refuses have one answer', async () => {
    await publish(strange())
    const [letter] = await kept(1)
    const all = await Promise.all(Array.from({ length: 10 }, () => replay(letter!.id)))
    expect(all.map(({ status, body }) => `${status} ${body.detail}`)).toEqual(
      Array.from({ length: 10 }, () => '409 not valid: event'),
    )
    await expect.poll(async () => (await toldOf(letter!.id)).length, patience).toBeGreaterThan(0)
    // Who comes when the first has its answer asks anew.
    expect((await toldOf(letter!.id)).length).toBeLessThan(4)
  })

  test('a letter that a killed process had is free again after its time', async () => {
    const event = makeEvent()
    await publish(strange(event))
    const [letter] = await kept(1)
    await mend(letter?.id, event)
    await admin`update dead_letters set claimed_until = now() + interval '1 hour'`
    expect((await replay(letter!.id)).body.detail).toBe('somebody else gives it to the log at this moment')
    await admin`update dead_letters set claimed_until = now() - interval '1 second'`
    expect((await replay(letter!.id)).status).toBe(200)
  })

  test('says why where the reason has not gone, and changes nothing', async () => {
    await publish(strange())
    const [letter] = await kept(1)
    const { status, body } = await replay(letter!.id)
    expect([status, body.code, body.detail]).toEqual([409, 'dead_letter_refused', 'not valid: event'])
    expect((await list({}, '?state=waiting')).items).toHaveLength(1)
    expect((await operate('audit', 'replay', letter!.id)).code).toBe(1)
  })

  test('is for administrators of the tenant that the letter is of', async () => {
    await publish(strange())
    const [letter] = await kept(1)
    expect((await replay(letter!.id, { tenantId: TENANT_B })).body.code).toBe('dead_letter_not_found')
    expect((await replay(letter!.id, { permissions: ['audit:read'] })).body.code).toBe('permission_denied')
    expect((await replay(letter!.id, { subjects: ['ada'] })).body.code).toBe('permission_denied')
    expect((await ask<Problem>('GET', '/v1/audit/dead-letters', { subjects: ['ada'] })).status).toBe(403)
    expect((await replay('nonsense')).status).toBe(400)
  })

  test('is done by the operator for a letter of no tenant', async () => {
    const event = makeEvent()
    await publish({ ...event, subject: `memoric.v1.${TENANT_B}.memory.created` })
    await expect.poll(async () => (await admin`select 1 from dead_letters`).length, patience).toBe(1)
    const [row] = await admin<{ id: string }[]>`select id from dead_letters`
    await admin`update dead_letters set subject = ${event.subject}`
    expect(await operate('audit', 'replay', row!.id)).toEqual({ code: 0, lines: ['The log has it.'] })
    const found = await admin`select 1 from audit_logs where event_id = ${event.eventId}`
    expect(found).toHaveLength(1)
  })
})

describe('a dead letter whose time is over', () => {
  const drop = () => operate('audit', 'retention-run')
  const age = (days: number) => admin`update dead_letters set last_at = now() - make_interval(days => ${days})`

  test('goes, and each tenant is told how many went', async () => {
    await publish(strange(), strange(), strange(makeEvent({}, { tenantId: TENANT_B })))
    await kept(3)
    await age(89)
    await drop()
    expect(await admin`select 1 from dead_letters`).toHaveLength(3)
    await age(91)
    expect((await drop()).lines).toContain('3 dead letters')
    expect(await admin`select 1 from dead_letters`).toHaveLength(0)
    await expect
      .poll(async () => (await told('audit.dead_letters_dropped'))[0]?.details, patience)
      .toEqual({ letters: 2, waiting: 2 })
  })

  test('stays while its tenant is on legal hold', async () => {
    await publish(strange(), strange(makeEvent({}, { tenantId: TENANT_B })))
    await kept(2)
    await age(91)
    await operate('audit', 'retention', TENANT_A, 'hold')
    await drop()
    const rows = await admin<{ tenant_id: string }[]>`select tenant_id from dead_letters`
    expect(rows.map(({ tenant_id }) => tenant_id)).toEqual([TENANT_A])
    await operate('audit', 'retention', TENANT_A, 'release')
    await drop()
    expect(await admin`select 1 from dead_letters`).toHaveLength(0)
  })

  test('goes from the stream as well', async () => {
    const reader = await connect(nats.login('admin'))
    const { config } = await (await jetstreamManager(reader)).streams.info(DEAD_LETTER_STREAM)
    expect(config.max_age).toBe(90 * 86_400 * 1e9)
    await reader.close()
  })
})

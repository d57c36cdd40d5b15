import { randomUUID } from 'node:crypto'
import type { AuditLog } from '@memoric/contracts/audit-contract.ts'
import { type PersonErased, personErased } from '@memoric/contracts/signals.ts'
import { ERASE_PERSON_SUBJECT, PERSON_ERASED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { useNats } from '@memoric/testkit/use-nats.ts'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { auditEnvironment, serviceKey, startAudit } from './audit-environment.ts'
import { makeCaller, makeEvent, TENANT_A, TENANT_B } from './make-event.ts'
import { publishEvents } from './publish-events.ts'

const database = useAuditDatabase()
const nats = useNats()
let admin: postgres.Sql
let memory: NatsConnection
const processes: Awaited<ReturnType<typeof startAudit>>[] = []
const answers: PersonErased[] = []

beforeAll(async () => {
  admin = postgres(database.adminUrl, { max: 1 })
  const environment = auditEnvironment({ adminUrl: database.adminUrl, nats })
  processes.push(await startAudit(environment), await startAudit(environment))
  memory = await connect(nats.login('memory'))
  memory.subscribe(PERSON_ERASED_SUBJECT, {
    callback: (_error, message) => void answers.push(personErased.parse(message.json())),
  })
})
afterAll(async () => {
  for (const audit of processes) await audit.close()
  await memory.close()
  await admin.end()
})

/** Asks as memory does, and gives the answers of both processes. */
async function erase(subjectId: string, erasureId: string = randomUUID(), tenantId = TENANT_A): Promise<number[]> {
  answers.length = 0
  memory.publish(ERASE_PERSON_SUBJECT, JSON.stringify({ erasureId, tenantId, subjectId, until: Date.now() }))
  await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(processes.length)
  expect(new Set(answers.map((answer) => answer.erasureId))).toEqual(new Set([erasureId]))
  return answers.map(({ keys }) => keys)
}

async function addresses(user: string, tenantId = TENANT_A): Promise<(string | null)[]> {
  const headers = callerHeaders(
    serviceKey,
    'audit',
    makeCaller({ tenantId, principal: { type: 'user', id: 'reader' } }),
  )
  const seen = await Promise.all(
    processes.map(async ({ app }) => {
      const answer = await app.inject({ url: `/v1/audit/logs?actor=${user}&limit=200`, headers })
      return answer.json<{ items: AuditLog[] }>().items.map(({ ip_address }) => ip_address)
    }),
  )
  expect(seen[1]).toEqual(seen[0])
  return seen[0] ?? []
}

function eventOf(user: string, tenantId = TENANT_A) {
  return makeEvent({}, { tenantId, principal: { type: 'user', id: user } })
}

async function log(events: readonly ReturnType<typeof eventOf>[]): Promise<void> {
  await publishEvents(memory, events)
  const ids = events.map(({ eventId }) => eventId)
  const logged = () => admin`select 1 from audit_logs where event_id = any (${ids}::uuid[])`
  await expect.poll(async () => (await logged()).length, { timeout: 10_000 }).toBe(events.length)
}

test('both processes become ready', async () => {
  for (const audit of processes) {
    await expect.poll(() => audit.readiness(), { timeout: 10_000 }).toMatchObject({ status: 'ready' })
  }
})

test('the personal data of a person does not open any more, in any process, that of others does', async () => {
  await log([eventOf('ada'), eventOf('ada'), eventOf('bob'), eventOf('ada', TENANT_B)])
  expect(await addresses('ada')).toEqual(['192.0.2.77', '192.0.2.77'])
  const keys = await erase('ada')
  expect(keys).toEqual([1, 1])
  expect(await addresses('ada')).toEqual([null, null])
  expect(await addresses('bob')).toEqual(['192.0.2.77'])
  expect(await addresses('ada', TENANT_B)).toEqual(['192.0.2.77'])
  expect(await admin`select 1 from actor_keys where tenant_id = ${TENANT_A} and actor = 'user:ada'`).toHaveLength(0)
})

test('asked again, the answer is the same, and what the person did since stays', async () => {
  const erasureId = randomUUID()
  await log([eventOf('carol')])
  expect(await erase('carol', erasureId)).toEqual([1, 1])
  await new Promise((resolve) => setTimeout(resolve, 5))
  await log([eventOf('carol')])
  expect(await addresses('carol')).toEqual(['192.0.2.77', null])
  expect(await erase('carol', erasureId)).toEqual([1, 1])
  expect(await addresses('carol')).toEqual(['192.0.2.77', null])
  expect(await erase('carol')).toEqual([1, 1])
  expect(await addresses('carol')).toEqual([null, null])
})

test('events of before that come late, or again, bring nothing back', async () => {
  const [known, late] = [eventOf('dan'), eventOf('dan')]
  await log([known])
  await erase('dan')
  await log([late, known])
  expect(await addresses('dan')).toEqual([null, null])
  const [kept] = await admin`select count(*)::int as rows from personal_data where event_id = ${late.eventId}`
  expect(kept).toEqual({ rows: 0 })
})

test('what somebody unknown did to the account of a person belongs to the person', async () => {
  const attempt = makeEvent(
    { type: 'auth.login.failed', resourceId: 'fay', statusCode: 401, outcome: 'denied', email: 'fay@example.org' },
    { principal: { type: 'anonymous', id: 'unknown' } },
  )
  await log([attempt])
  const headers = callerHeaders(serviceKey, 'audit', makeCaller({ principal: { type: 'user', id: 'reader' } }))
  const seen = async () => {
    const answer = await processes[0]?.app.inject({ url: '/v1/audit/logs?resource=fay', headers })
    const [line] = answer?.json<{ items: AuditLog[] }>().items ?? []
    return [line?.actor_type, line?.email, line?.ip_address]
  }
  expect(await seen()).toEqual(['anonymous', 'fay@example.org', '192.0.2.77'])
  expect(await erase('fay')).toEqual([1, 1])
  expect(await seen()).toEqual(['anonymous', null, null])
})

test('a person of whom the log knows nothing is an erasure of no key', async () => {
  expect(await erase('nobody')).toEqual([0, 0])
})

test('the log tells of it once, without whose address it was', async () => {
  const erasureId = randomUUID()
  await log([eventOf('eve')])
  await erase('eve', erasureId)
  await erase('eve', erasureId)
  const told = () => admin<{ details: object; resource_id: string; actor_id: string }[]>`
    select details, resource_id, actor_id from audit_logs
    where operation = 'personal_data.erased' and details ->> 'erasure_id' = ${erasureId}`
  await expect.poll(async () => (await told()).length, { timeout: 10_000 }).toBe(1)
  const [line] = await told()
  expect(line).toEqual({ resource_id: 'eve', actor_id: 'audit', details: { erasure_id: erasureId, keys_destroyed: 1 } })
})

test('nobody but memory may ask, and nobody but audit may answer', async () => {
  for (const [user, subject] of [
    ['gateway', ERASE_PERSON_SUBJECT],
    ['auth', ERASE_PERSON_SUBJECT],
    ['gateway', PERSON_ERASED_SUBJECT],
    ['memory', PERSON_ERASED_SUBJECT],
  ] as const) {
    const other = await connect(nats.login(user))
    await expect(other.request(subject, '{}', { timeout: 500 })).rejects.toThrow(/ermission/)
    await other.close()
  }
})

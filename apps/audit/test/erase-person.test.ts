import { randomUUID } from 'node:crypto'
import type { AuditLog } from '@memoric/contracts/audit-contract.ts'
import { type PersonErased, personErased } from '@memoric/contracts/signals.ts'
import { ERASE_PERSON_SUBJECT, PERSON_ERASED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { DEAD_LETTER_STREAM } from '@memoric/contracts/subjects.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { useNats } from '@memoric/testkit/use-nats.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { runAuditCommand } from '../src/operator/run-audit-command.ts'
import { openLetter } from '../src/dead-letters/seal-letter.ts'
import { keepOnce } from '../src/retention/keep-retention.ts'
import { useAuditDatabase } from './audit-database.ts'
import { auditEnvironment, serviceKey, startAudit } from './audit-environment.ts'
import { makeCaller, makeEvent, TENANT_A, TENANT_B } from './make-event.ts'
import { publishEvents } from './publish-events.ts'

const database = useAuditDatabase()
const nats = useNats()
let admin: postgres.Sql
let memory: NatsConnection
let environment: Record<string, string>
const processes: Awaited<ReturnType<typeof startAudit>>[] = []
const answers: PersonErased[] = []

beforeAll(async () => {
  admin = postgres(database.adminUrl, { max: 1 })
  environment = auditEnvironment({ adminUrl: database.adminUrl, nats })
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
  return (await ask(subjectId, erasureId, tenantId)).map(({ keys }) => keys)
}

async function ask(subjectId: string, erasureId: string, tenantId = TENANT_A): Promise<PersonErased[]> {
  answers.length = 0
  // A late answer to what was asked before is none to this.
  const own = () => answers.filter((answer) => answer.erasureId === erasureId)
  memory.publish(ERASE_PERSON_SUBJECT, JSON.stringify({ erasureId, tenantId, subjectId, until: Date.now() }))
  await expect.poll(() => own().length, { timeout: 10_000 }).toBe(processes.length)
  return own()
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
  const details = { erasure_id: erasureId, keys_destroyed: 1, dead_letters_emptied: 0 }
  expect(line).toEqual({ resource_id: 'eve', actor_id: 'audit', details })
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

async function setHold(legalHold: boolean, tenantId = TENANT_A): Promise<void> {
  const caller = makeCaller({ tenantId, principal: { type: 'user', id: 'reader' }, permissions: ['admin:*'] })
  const answer = await processes[0]!.app.inject({
    method: 'PUT',
    url: '/v1/audit/retention',
    headers: callerHeaders(serviceKey, 'audit', caller),
    payload: { retention_days: null, legal_hold: legalHold },
  })
  expect(answer.statusCode).toBe(200)
}

async function keysOf(user: string, tenantId = TENANT_A): Promise<number> {
  return (await admin`select 1 from actor_keys where tenant_id = ${tenantId} and actor = ${`user:${user}`}`).length
}

async function linesOf(operation: string, erasureId: string): Promise<object[]> {
  const rows = await admin<{ details: object }[]>`
    select details from audit_logs where operation = ${operation} and details ->> 'erasure_id' = ${erasureId}`
  return rows.map(({ details }) => details)
}

describe('while the tenant is on legal hold', () => {
  afterEach(() => setHold(false))

  test('the key stays until the hold ends, memory is answered so at once, and then it goes by itself', async () => {
    const erasureId = randomUUID()
    await log([eventOf('gil')])
    await setHold(true)
    expect(await ask('gil', erasureId)).toMatchObject([
      { keys: 1, held: true },
      { keys: 1, held: true },
    ])
    expect(await addresses('gil')).toEqual(['192.0.2.77'])
    await expect
      .poll(() => linesOf('personal_data.erasure_held', erasureId), { timeout: 10_000 })
      .toEqual([{ erasure_id: erasureId, keys_held: 1 }])
    answers.length = 0
    await setHold(false)
    await expect.poll(() => keysOf('gil'), { timeout: 10_000 }).toBe(0)
    expect(await addresses('gil')).toEqual([null])
    await expect.poll(() => answers, { timeout: 10_000 }).toMatchObject([{ erasureId, keys: 1, held: false }])
    expect(await ask('gil', erasureId)).toMatchObject([
      { keys: 1, held: false },
      { keys: 1, held: false },
    ])
    await expect.poll(() => linesOf('personal_data.erased', erasureId), { timeout: 10_000 }).toHaveLength(1)
    expect(await linesOf('personal_data.erasure_held', erasureId)).toHaveLength(1)
  })

  test('what the person does meanwhile has another key, which stays; what comes late goes with the old one', async () => {
    const [before, late] = [eventOf('hal'), eventOf('hal')]
    await log([before])
    await setHold(true)
    await ask('hal', randomUUID())
    await new Promise((resolve) => setTimeout(resolve, 5))
    await log([late])
    await log([eventOf('hal')])
    expect(await addresses('hal')).toEqual(['192.0.2.77', '192.0.2.77', '192.0.2.77'])
    await setHold(false)
    await expect.poll(() => keysOf('hal'), { timeout: 10_000 }).toBe(1)
    expect(await addresses('hal')).toEqual(['192.0.2.77', null, null])
  })

  test('erasures of the same person that come meanwhile wait too, and end with it', async () => {
    const [first, second] = [randomUUID(), randomUUID()]
    await log([eventOf('ida')])
    await setHold(true)
    await ask('ida', first)
    await log([eventOf('ida')])
    expect(await ask('ida', second)).toMatchObject([
      { keys: 2, held: true },
      { keys: 2, held: true },
    ])
    await setHold(false)
    await expect.poll(() => keysOf('ida'), { timeout: 10_000 }).toBe(0)
    for (const erasureId of [first, second]) {
      await expect.poll(() => linesOf('personal_data.erased', erasureId), { timeout: 10_000 }).toHaveLength(1)
    }
  })

  test('another tenant is not concerned', async () => {
    await log([eventOf('jon', TENANT_B)])
    await setHold(true)
    const answered = await ask('jon', randomUUID(), TENANT_B)
    expect(answered.every(({ held }) => !held)).toBe(true)
    expect(await addresses('jon', TENANT_B)).toEqual([null])
  })

  test('a hold that the operator ends, elsewhere, is seen when memory asks again', async () => {
    const erasureId = randomUUID()
    await log([eventOf('kim')])
    await setHold(true)
    await ask('kim', erasureId)
    const say = () => undefined
    await runAuditCommand(['audit', 'retention', TENANT_A, 'release'], { env: environment, out: say, err: say })
    await ask('kim', erasureId)
    expect(await keysOf('kim')).toBe(0)
  })
})

describe('dead letters that name the person', () => {
  const broken = (user: string, tenantId = TENANT_A) => {
    const event = eventOf(user, tenantId)
    return { ...event, payload: event.payload.replace('{"specversion"', '{"novelty":1,"specversion"') }
  }
  const letters = () => admin<{ id: string; actor: string; sealed: Buffer; emptied_at: Date | null }[]>`
    select id, sealed, emptied_at from dead_letters order by id`
  const streamed = async (): Promise<number> => {
    const reader = await connect(nats.login('admin'))
    const { state } = await (await jetstreamManager(reader)).streams.info(DEAD_LETTER_STREAM)
    await reader.close()
    return state.messages
  }

  test('lose their content, in the table and in the stream; those of others and of other tenants do not', async () => {
    const erasureId = randomUUID()
    await publishEvents(memory, [broken('lea'), broken('lea', TENANT_B), broken('lea2'), broken('max')])
    await expect.poll(async () => (await letters()).length, { timeout: 10_000 }).toBe(4)
    await expect.poll(streamed, { timeout: 10_000 }).toBe(4)
    await erase('lea', erasureId)
    const emptied = (await letters()).filter(({ emptied_at }) => emptied_at !== null)
    expect(emptied).toHaveLength(1)
    const [letter] = emptied
    expect(openLetter(processes[0]!.deps.credentials, letter!.id, letter!.sealed)).toHaveLength(0)
    expect(await streamed()).toBe(3)
    await expect
      .poll(() => linesOf('personal_data.erased', erasureId), { timeout: 10_000 })
      .toEqual([{ erasure_id: erasureId, keys_destroyed: 0, dead_letters_emptied: 1 }])
    const caller = makeCaller({ principal: { type: 'user', id: 'reader' }, permissions: ['admin:*', 'audit:read'] })
    const replayed = await processes[0]!.app.inject({
      method: 'POST',
      url: `/v1/audit/dead-letters/${letter!.id}/replay`,
      headers: callerHeaders(serviceKey, 'audit', caller),
    })
    expect([replayed.statusCode, replayed.json<{ code: string }>().code]).toEqual([409, 'dead_letter_refused'])
  })

  test('are found whatever way their texts are written, and where they are no JSON', async () => {
    await admin`truncate dead_letters`
    const [escaped, cut] = [broken('nia'), broken('nia')]
    await publishEvents(memory, [
      { ...escaped, payload: escaped.payload.replace('user:nia', 'user:\\u006eia') },
      { ...cut, payload: cut.payload.slice(0, -1) },
    ])
    await expect.poll(async () => (await letters()).length, { timeout: 10_000 }).toBe(2)
    await erase('nia')
    expect((await letters()).every(({ emptied_at }) => emptied_at !== null)).toBe(true)
  })

  test('wait for the end of a legal hold, too', async () => {
    await admin`truncate dead_letters`
    await publishEvents(memory, [broken('ole')])
    await expect.poll(async () => (await letters()).length, { timeout: 10_000 }).toBe(1)
    await setHold(true)
    await ask('ole', randomUUID())
    expect((await letters())[0]?.emptied_at).toBeNull()
    await setHold(false)
    await expect.poll(async () => (await letters())[0]?.emptied_at, { timeout: 10_000 }).not.toBeNull()
  })

  test('that come after the erasure lose it within a day', async () => {
    await admin`truncate dead_letters`
    const late = broken('pia')
    await erase('pia')
    await publishEvents(memory, [late])
    await expect.poll(async () => (await letters()).length, { timeout: 10_000 }).toBe(1)
    const { deps } = processes[0]!
    const purge = () => Promise.resolve()
    await keepOnce({ ...deps, purge, deadLetterDays: 90 })
    expect((await letters())[0]?.emptied_at).not.toBeNull()
  })
})

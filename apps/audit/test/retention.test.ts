import { uuidV7, createUuidV7 } from '@memoric/service/uuid-v7.ts'
import { createEventFactory } from '@memoric/service/event-factory.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { verifyExport } from '@memoric/verifier/verify-export.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import type { PreparedEvent } from '../src/log/append-batch.ts'
import { appendEvents } from '../src/log/log-repository.ts'
import { wholeTenant } from '../src/log/log-readers.ts'
import { internalContext } from '../src/internal-context.ts'
import { verifyStoredLog } from '../src/operator/verify-stored-log.ts'
import { saveRetention } from '../src/retention/retention-repository.ts'
import { runRetention } from '../src/retention/run-retention.ts'
import { makeEvent, personalDataSecret, TENANT_A, TENANT_B } from './make-event.ts'
import { useLog } from './use-log.ts'

const log = useLog()
const events = createEventFactory({ app: 'audit', personalDataKey: createSealingKey(1, personalDataSecret) })
const DAY = 86_400_000
const MONTHS = ['2024-01', '2024-02', '2024-03', '2024-04']

beforeAll(async () => {
  for (const month of MONTHS) {
    const name = `audit_logs_${month.replace('-', '_')}`
    await log.owner.unsafe(`create table ${name} partition of audit_logs
      for values from (least_event_id('${month}-01Z')) to (least_event_id('${month}-01Z'::timestamptz + interval '1 month'))`)
    await log.owner.unsafe(`select protect_partition('${name}')`)
  }
  await add('2024-01', TENANT_A, 300)
  await add('2024-01', TENANT_B, 2)
  await add('2024-02', TENANT_B, 3)
  await add('2024-03', TENANT_A, 4)
  await add('2024-01', TENANT_A, 1)
  await log.checkpointer.sign()
})

async function add(month: string, tenantId: string, count: number) {
  const time = Date.parse(`${month}-15T00:00:00Z`)
  const newId = createUuidV7(() => time)
  const prepared = Array.from({ length: count }, () => prepare(newId(), tenantId, new Date(time)))
  await appendEvents(log.sql, prepared, new Date())
}

function prepare(eventId: string, tenantId: string, occurredAt: Date): PreparedEvent {
  const nothing = { resourceType: null, resourceId: null, reason: null, endpoint: null, method: null, statusCode: null }
  return {
    entry: {
      ...nothing,
      eventId,
      tenantId,
      occurredAt,
      source: 'memoric/memory',
      actorType: 'user',
      actorId: 'u',
      operation: 'memory.created',
      outcome: 'success',
      durationMs: null,
      requestId: null,
      details: '{}',
    },
    personal: {
      tenantId,
      eventId,
      actor: 'user:u',
      keyId: '0198c0de-0000-4000-8000-000000000001',
      sealed: Buffer.from('sealed'),
      commitment: Buffer.alloc(32).toString('base64'),
    },
  }
}

const keep = (tenantId: string, days: number | null, hold = false) =>
  tenantFlight(log.sql, wholeTenant(tenantId), (tx) => [
    saveRetention(tx, tenantId, { retention_days: days, legal_hold: hold }),
  ])
const run = (defaultDays: number | null = null) =>
  runRetention({ sql: log.sql, events, wakeRelay: () => undefined }, defaultDays, internalContext('service:audit'))
const count = async (table = 'audit_logs') => {
  const [row] = await log.attacker.unsafe<{ count: number }[]>(`select count(*)::int from ${table}`)
  return row!.count
}

describe('a month stays', () => {
  test('while a tenant in it has not said how long it keeps its lines, or keeps them for ever', async () => {
    expect(await run()).toEqual([])
    await keep(TENANT_A, null)
    await keep(TENANT_B, null)
    expect(await run(180)).toEqual([])
    expect(await count()).toBe(310)
  })

  test('while a tenant in it has a legal hold', async () => {
    await keep(TENANT_B, 180, true)
    await keep(TENANT_A, 36_500)
    expect(await run(180)).toEqual([])
  })

  test('while its time is not over, which is never before 180 days', async () => {
    const days = Math.ceil((Date.now() - Date.parse('2024-02-01Z')) / DAY) + 2
    await keep(TENANT_A, days)
    await keep(TENANT_B, days)
    expect(await run()).toEqual([])
    await expect(run(179)).rejects.toThrow('180 days')
  })
})

describe('when every tenant in a month lets it go', () => {
  test('the month is dropped with its personal data, and the log of each tenant says which of its lines went', async () => {
    await keep(TENANT_A, 180)
    await keep(TENANT_B, 36_500)
    expect(await run()).toMatchObject([{ partition: 'audit_logs_2024_03', tenant_id: TENANT_A, lines: 4 }])
    await keep(TENANT_B, 180)
    const runs = await run()
    expect(runs).toMatchObject([
      {
        partition: 'audit_logs_2024_01',
        tenant_id: TENANT_A,
        lines: 301,
        sequences: [
          [1, 300],
          [305, 305],
        ],
      },
      {
        partition: 'audit_logs_2024_01',
        tenant_id: TENANT_B,
        lines: 2,
        first_index: 300,
        last_index: 301,
        sequences: [[1, 2]],
      },
      { partition: 'audit_logs_2024_02', tenant_id: TENANT_B, lines: 3 },
    ])
    expect([await count(), await count('personal_data')]).toEqual([0, 0])
    const told = await log.attacker<
      { payload: string }[]
    >`select payload from outbox where subject like '%retention_run' or payload like '%retention_run%'`
    expect(told).toHaveLength(4)
    expect(await run()).toEqual([])
  })

  test('tiles and checkpoints stay, and the log verifies with what its own lines say is gone', async () => {
    const told = await log.attacker<{ subject: string; payload: string }[]>`
      select subject, payload from outbox where payload like '%retention_run%'`
    await log.append(...told.map((row) => ({ ...row, eventId: uuidV7(), tenantId: TENANT_A })))
    const verifiers = log.keys.verifierKeys.map(parseVerifierKey)
    const report = await verifyExport(await log.export(), { verifiers })
    expect(report).toMatchObject({ findings: [], lines: 4, dropped: 310 })
    expect(await verifyStoredLog(log.sql, verifiers, log.intake.actorKeys)).toMatchObject({
      findings: [],
      dropped: 310,
    })
  })

  test.each([
    ['2024-01-15', -1, / count 306 lines on all days, dropped ones included, where there are 307$/],
    ['2024-03-15', 5, / count 312 lines on all days, dropped ones included, where there are 307$/],
  ])('somebody who counts other numbers of lines that are gone on %s is found out', async (day, more, said) => {
    const verifiers = log.keys.verifierKeys.map(parseVerifierKey)
    const add = (events: number) => log.attacker`
      update audit_days set events = events + ${events} where tenant_id = ${TENANT_A} and day = ${day}`
    await add(more)
    const { findings } = await verifyStoredLog(log.sql, verifiers, log.intake.actorKeys)
    await add(-more)
    expect(findings).toMatchObject([{ kind: 'miscounted', message: expect.stringMatching(said) as string }])
  })

  test('somebody who removes the last line besides is found out', async () => {
    const verifiers = log.keys.verifierKeys.map(parseVerifierKey)
    await log.append(makeEvent())
    await log.checkpointer.sign()
    await log.attacker`create table kept as select * from audit_logs where log_index = 314`
    await log.attacker`delete from audit_logs where log_index = 314`
    const { findings } = await verifyExport(await log.export(), { verifiers })
    const own = await verifyStoredLog(log.sql, verifiers, log.intake.actorKeys)
    await log.attacker`insert into audit_logs select * from kept`
    expect([findings, own.findings].map(([first]) => first?.kind)).toEqual(['deleted', 'deleted'])
  })

  test('somebody who removes the line that says so is found out', async () => {
    const lines = await log.export()
    await log.attacker`delete from audit_logs where log_index = 310`
    const { findings } = await verifyExport(await log.export(), {
      verifiers: log.keys.verifierKeys.map(parseVerifierKey),
    })
    expect(findings.map(({ kind }) => kind)).toContain('deleted')
    expect(lines).toHaveLength(7)
  })
})

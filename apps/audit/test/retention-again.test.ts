import { parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { createEventFactory, type OutboxEvent } from '@memoric/service/event-factory.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { createUuidV7 } from '@memoric/service/uuid-v7.ts'
import { verifyExport } from '@memoric/verifier/verify-export.ts'
import { beforeAll, expect, test } from 'vitest'
import { internalContext } from '../src/internal-context.ts'
import { wholeTenant } from '../src/log/log-readers.ts'
import { verifyStoredLog } from '../src/operator/verify-stored-log.ts'
import { saveRetention } from '../src/retention/retention-repository.ts'
import { runRetention } from '../src/retention/run-retention.ts'
import { makeEvent, personalDataSecret, TENANT_A } from './make-event.ts'
import { useLog } from './use-log.ts'

const log = useLog()
const events = createEventFactory({ app: 'audit', personalDataKey: createSealingKey(1, personalDataSecret) })

beforeAll(async () => {
  await tenantFlight(log.sql, wholeTenant(TENANT_A), (tx) => [
    saveRetention(tx, TENANT_A, { retention_days: 180, legal_hold: false }),
  ])
})

/** Logs an event as if it had been told in another month; a partition without lines would be dropped before. */
async function logIn(month: string, ...told: readonly Pick<OutboxEvent, 'subject' | 'payload'>[]): Promise<void> {
  const name = `audit_logs_${month.replace('-', '_')}`
  await log.owner.unsafe(`create table ${name} partition of audit_logs
    for values from (least_event_id('${month}-01Z')) to (least_event_id('${month}-01Z'::timestamptz + interval '1 month'))`)
  await log.owner.unsafe(`select protect_partition('${name}')`)
  await log.append(...told.map((event) => inMonth(month, event)))
}

/** The same event as it would have been told in another month. */
function inMonth(month: string, { subject, payload }: Pick<OutboxEvent, 'subject' | 'payload'>): OutboxEvent {
  const time = `${month}-15T00:00:00.000Z`
  const eventId = createUuidV7(() => Date.parse(time))()
  const event = { ...(JSON.parse(payload) as object), id: eventId, time, data: { ...dataOf(payload), personal: null } }
  return { eventId, tenantId: TENANT_A, subject, payload: JSON.stringify(event) }
}

const dataOf = (payload: string) => (JSON.parse(payload) as { data: object }).data

/** Drops what may go; gives what is told of it. */
async function run() {
  await log.attacker`delete from outbox`
  await runRetention({ sql: log.sql, events, wakeRelay: () => undefined }, null, internalContext('service:audit'))
  return log.attacker<OutboxEvent[]>`
    select event_id as "eventId", tenant_id as "tenantId", subject, payload from outbox`
}

test('the log verifies when the line that told of dropped lines was dropped itself', async () => {
  await logIn('2024-01', makeEvent(), makeEvent(), makeEvent())
  const [first] = await run()
  await logIn('2024-02', first!)
  const [second] = await run()
  await log.append(second!)
  const verifiers = log.keys.verifierKeys.map(parseVerifierKey)
  expect(await verifyExport(await log.export(), { verifiers })).toMatchObject({ findings: [], lines: 1, dropped: 4 })
  expect(await verifyStoredLog(log.sql, verifiers, log.intake.actorKeys)).toMatchObject({
    findings: [],
    lines: 1,
    dropped: 4,
  })
})

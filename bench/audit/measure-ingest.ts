import { setTimeout as sleep } from 'node:timers/promises'
import { consumeEvents } from '@memoric/app-audit/log/audit-consumer.ts'
import { createEventPublisher } from '@memoric/messaging/publish.ts'
import { ensureStreams } from '@memoric/messaging/streams.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { AuditRow } from './audit-row.ts'
import { type Cost, measureCpu } from './measure-cpu.ts'
import type { AuditBench } from './open-audit-bench.ts'
import { publishEvents } from './publish-events.ts'

const RATE = 8_000
const MICROSECONDS = 100

/** From JetStream to committed lines and tree, with everything on. */
export async function measureIngest(bench: AuditBench, events: readonly OutboxEvent[]): Promise<AuditRow> {
  const { consumer: messaging, producer, intake, servers } = bench
  await ensureStreams(await messaging.connected())
  const publisher = createEventPublisher(producer)
  await producer.connected()
  for (let from = 0; from < events.length; from += 500) await publishEvents(publisher, events.slice(from, from + 500))
  const cost = await measureCpu(servers, async () => {
    const consumer = consumeEvents({ ...intake, messaging })
    while (consumer.progress.figures().logged < events.length) await sleep(5)
    await consumer.close()
  })
  const kept = rateOf(events.length, cost) >= RATE && (cost.ownMs * 1000) / events.length <= MICROSECONDS
  return {
    ...report(`intake, JetStream to committed tree (${events.length} events)`, events.length, cost),
    budget: `>= ${RATE} events/s, <= ${MICROSECONDS} us`,
    kept,
  }
}

/** The same lines inserted bare: no tree, no leaf, no personal data, 1000 at a time. */
export async function measureBareInsert({ admin: sql, servers }: AuditBench): Promise<AuditRow> {
  const rows = await systemTransaction(
    sql,
    (tx) => tx<Record<string, unknown>[]>`
    select event_id, tenant_id, tenant_seq, actor_id, operation, resource_id, request_id, details::text as details
    from audit_logs order by log_index`,
  )
  await systemTransaction(
    sql,
    (tx) => tx`
    create table bare (event_id uuid primary key, tenant_id uuid, tenant_seq bigint, actor_id text, operation text,
      resource_id text, request_id text, details jsonb)`,
  )
  const cost = await measureCpu(servers, async () => {
    for (let from = 0; from < rows.length; from += 1000) {
      const part = rows.slice(from, from + 1000)
      const column = (name: string) => part.map((row) => String(row[name]))
      await systemTransaction(
        sql,
        (tx) => tx`
        insert into bare select * from unnest(${column('event_id')}::uuid[], ${column('tenant_id')}::uuid[],
          ${column('tenant_seq')}::bigint[], ${column('actor_id')}::text[], ${column('operation')}::text[],
          ${column('resource_id')}::text[], ${column('request_id')}::text[], ${column('details')}::jsonb[])`,
      )
    }
  })
  return { ...report('the same lines inserted bare, to compare', rows.length, cost), budget: '', kept: undefined }
}

function report(what: string, events: number, cost: Cost): Pick<AuditRow, 'what' | 'seen'> {
  const micros = (ms: number) => ((ms * 1000) / events).toFixed(1)
  const { ownMs, databaseMs = 0 } = cost
  const cpu = `${micros(ownMs)} us of CPU an event, servers ${micros(databaseMs)} us`
  return { what, seen: `${rateOf(events, cost)} events/s, ${cpu}` }
}

function rateOf(events: number, { wallMs }: Cost): number {
  return Math.round((events * 1000) / wallMs)
}

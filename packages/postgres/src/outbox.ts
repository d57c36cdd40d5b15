import type { PendingQuery } from 'postgres'
import { jsonLines, plainArray, textArray } from './array-parameter.ts'
import type { Tx } from './lease.ts'

/** An event that waits to be published. */
export interface OutboxRow {
  /** UUID; the message id by which JetStream and the audit log drop duplicates. */
  readonly eventId: string
  /** UUID */
  readonly tenantId: string
  /** NATS subject */
  readonly subject: string
  /** JSON of the envelope, sent as it is. */
  readonly payload: string
}

/** The statement that puts events into the outbox, to run in the transaction of the change. An empty list inserts nothing. */
export function outboxInsert(tx: Tx, rows: readonly OutboxRow[]): PendingQuery<never[]> {
  const [only] = rows
  if (only !== undefined && rows.length === 1) {
    return tx<never[]>`
      insert into outbox (event_id, tenant_id, subject, payload)
      values (${only.eventId}, ${only.tenantId}, ${only.subject}, ${only.payload})`
  }
  return tx<never[]>`
    insert into outbox (event_id, tenant_id, subject, payload) ${selectRows(tx, rows)}`
}

/** Like outboxInsert, for events that may be in the outbox already: those are left as they are. */
export function outboxInsertNew(tx: Tx, rows: readonly OutboxRow[]): PendingQuery<never[]> {
  return tx<never[]>`
    insert into outbox (event_id, tenant_id, subject, payload) ${selectRows(tx, rows)}
    on conflict (event_id) do nothing`
}

function selectRows(tx: Tx, rows: readonly OutboxRow[]) {
  return tx`
    select * from unnest(
      ${plainArray(rows.map(({ eventId }) => eventId))}::uuid[], ${plainArray(rows.map(({ tenantId }) => tenantId))}::uuid[],
      ${textArray(rows.map(({ subject }) => subject))}::text[],
      string_to_array(${jsonLines(rows.map(({ payload }) => payload))}, chr(10)))`
}

import type { Tx } from '@memoric/postgres/lease.ts'
import { handoffColumns, isTold, type TimePlace } from '../handoffs/handoff-repository.ts'
import type { HandoffRow } from '../handoffs/handoff-row.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Handoffs that say who a subject is becoming and are not withheld, from the place `from` on, without it. */
export function selectBecoming(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  order: 'oldest' | 'newest',
  from: TimePlace | null,
  limit: number,
) {
  const isForward = order === 'oldest'
  const isAfter = isForward ? tx`>` : tx`<`
  return tx<HandoffRow[]>`
    select ${handoffColumns(tx)} from handoffs h
    where h.tenant_id = ${tenantId} and h.subject_id = ${subjectId} and h.becoming_by is not null and ${isTold(tx)}
      ${from === null ? tx`` : tx`and (h.occurred_at, h.id) ${isAfter} (${from.at}, ${from.id})`}
    order by ${isForward ? tx`h.occurred_at, h.id` : tx`h.occurred_at desc, h.id desc`} limit ${limit}`
}

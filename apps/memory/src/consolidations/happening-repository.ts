import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { handoffColumns } from '../handoffs/handoff-repository.ts'
import type { HandoffRow } from '../handoffs/handoff-row.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Handoffs of a subject by their ids. */
export function selectHandoffsOf(tx: Tx, { tenantId, subjectId }: SubjectPlace, ids: readonly string[]) {
  return tx<HandoffRow[]>`
    select ${handoffColumns(tx)} from handoffs h
    where h.tenant_id = ${tenantId} and h.subject_id = ${subjectId} and h.id = any (${[...ids]}::uuid[])`
}

interface SessionPlace {
  readonly namespace: string
  readonly session: string
}

/** The handoffs of sessions. */
export function selectHandoffsOfSessions(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  sessions: readonly SessionPlace[],
) {
  return tx<HandoffRow[]>`
    select ${handoffColumns(tx)} from handoffs h
    where h.tenant_id = ${tenantId} and h.subject_id = ${subjectId} and (h.namespace, h.session_id) in (
      select * from unnest(${sessions.map(({ namespace }) => namespace)}::text[], ${sessions.map(({ session }) => session)}::text[])
    )`
}

/** For each name that belongs to a known person the first of all names of that person. */
export function selectFirstNames(tx: Tx, { tenantId, subjectId }: SubjectPlace, names: readonly Buffer[]) {
  return tx<{ name: Buffer; first: Buffer }[]>`
    select known.name, (
      select others.name from person_names others
      where others.tenant_id = known.tenant_id and others.subject_id = known.subject_id and others.person_id = known.person_id
      order by others.name limit 1
    ) as first
    from person_names known
    where known.tenant_id = ${tenantId} and known.subject_id = ${subjectId}
      and known.name = any (${byteaArray(names)}::bytea[])`
}

/** The newest handoffs of a subject that are told and say what was learned or not, and those with these ids, oldest first. */
export function selectTeachers(tx: Tx, { tenantId, subjectId }: SubjectPlace, ids: readonly string[], newest: number) {
  return tx<(HandoffRow & { memory_version: number })[]>`
    select ${handoffColumns(tx)}, m.version as memory_version
    from handoffs h join memories m on m.tenant_id = h.tenant_id and m.id = h.id
    where h.tenant_id = ${tenantId} and h.subject_id = ${subjectId} and m.standing > 0
      and (h.id = any (${[...ids]}::uuid[]) or h.id in (
        select id from handoffs where tenant_id = ${tenantId} and subject_id = ${subjectId}
        order by occurred_at desc, id desc limit ${newest}
      ))
    order by h.occurred_at, h.id`
}

import type { ListTasksQuery } from '@memoric/contracts/task-contract.ts'
import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { NamedPerson } from '../persons/named-person.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { TaskRow } from './task-row.ts'

/** Columns of a TaskRow and where they are from. */
export function tasksWithMemories(tx: Tx) {
  return tx`
    select t.tenant_id, t.id, t.subject_id, t.namespace, t.priority, t.due_at, t.with_whom, t.depends_on, t.claim_id,
      t.claimed_by, t.claimed_for, t.claimed_at, t.claimed_until, t.times_claimed, t.ended_at, t.ended_by, t.created_at,
      t.written_by, coalesce(t.outcome, case when t.claimed_until > clock_timestamp() then 'claimed' else 'open' end) as state,
      m.version, m.updated_at, m.sealed, m.trust, m.standing, m.withheld
    from tasks t join memories m on m.tenant_id = t.tenant_id and m.id = t.id`
}

export function selectTask(tx: Tx, tenantId: string, id: string) {
  return tx<TaskRow[]>`${tasksWithMemories(tx)} where t.tenant_id = ${tenantId} and t.id = ${id}`
}

/** Tasks of a subject below `before`, newest first. */
export function selectTasks(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  { namespace, state }: Pick<ListTasksQuery, 'namespace' | 'state'>,
  before: string | null,
  limit: number,
) {
  const isOfState = {
    unfinished: tx`and t.outcome is null`,
    open: tx`and t.outcome is null and ${isFree(tx)}`,
    claimed: tx`and t.outcome is null and t.claimed_until > clock_timestamp()`,
    done: tx`and t.outcome = 'done'`,
    cancelled: tx`and t.outcome = 'cancelled'`,
    all: tx``,
  }[state]
  return tx<TaskRow[]>`
    ${tasksWithMemories(tx)}
    where t.tenant_id = ${tenantId} and t.subject_id = ${subjectId} ${isOfState}
      ${namespace === undefined ? tx`` : tx`and t.namespace = ${namespace}`}
      ${before === null ? tx`` : tx`and t.id < ${before}`}
    order by t.id desc limit ${limit}`
}

/** Tasks that are not finished, the most urgent first, but for those for others than the person, if one is named. */
export function selectUrgent(tx: Tx, { tenantId, subjectId }: SubjectPlace, person: NamedPerson | null, limit: number) {
  const isFor =
    person === null
      ? tx``
      : tx`and (t.with_whom is null or t.with_whom = any (${byteaArray(person.fingerprints)}::bytea[]))`
  return tx<TaskRow[]>`
    ${tasksWithMemories(tx)}
    where t.tenant_id = ${tenantId} and t.subject_id = ${subjectId} and t.outcome is null ${isFor}
    order by t.priority desc, t.id limit ${limit}`
}

function isFree(tx: Tx) {
  return tx`(t.claimed_until is null or t.claimed_until <= clock_timestamp())`
}

/** Whether all that the task `t` depends on has ended; what was deleted has. */
function isReady(tx: Tx) {
  return tx`
    (t.depends_on = '{}' or not exists (
      select from tasks d where d.tenant_id = t.tenant_id and d.id = any (t.depends_on) and d.outcome is null
    ))`
}

/** Tasks that can be claimed, the most urgent first, without some. */
export function selectClaimable(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  namespace: string | undefined,
  without: readonly string[],
  limit: number,
) {
  return tx<{ id: string }[]>`
    select t.id from tasks t
    where t.tenant_id = ${tenantId} and t.subject_id = ${subjectId} and t.outcome is null and ${isFree(tx)}
      and ${isReady(tx)} and t.id <> all (${[...without]}::uuid[])
      ${namespace === undefined ? tx`` : tx`and t.namespace = ${namespace}`}
    order by t.priority desc, t.id limit ${limit}`
}

/** A claim as it begins. */
export interface NewClaim {
  readonly id: string
  readonly by: string
  readonly agent: string | null
  readonly leaseSeconds: number
}

/** What a change gives of the task that it changed; nothing when there was none to change. */
interface Changed {
  readonly id: string
}

/** Claims the first of the tasks that can still be claimed and that nobody else is claiming at this moment. */
export function claimFirst(tx: Tx, tenantId: string, ids: readonly string[], claim: NewClaim) {
  return tx<Changed[]>`
    with first as (
      select t.id from tasks t
      where t.tenant_id = ${tenantId} and t.id = any (${[...ids]}::uuid[]) and t.outcome is null and ${isFree(tx)}
        and ${isReady(tx)}
      order by t.priority desc, t.id limit 1 for update of t skip locked
    )
    update tasks t set ${begun(tx, claim)} from first where t.tenant_id = ${tenantId} and t.id = first.id
    returning t.id`
}

/** Claims a task, unless it has ended, is claimed, or has to wait. */
export function claimTaskOf(tx: Tx, tenantId: string, id: string, claim: NewClaim) {
  return tx<Changed[]>`
    update tasks t set ${begun(tx, claim)}
    where t.tenant_id = ${tenantId} and t.id = ${id} and t.outcome is null and ${isFree(tx)} and ${isReady(tx)}
    returning t.id`
}

function begun(tx: Tx, { id, by, agent, leaseSeconds }: NewClaim) {
  return tx`
    claim_id = ${id}, claimed_by = ${by}, claimed_for = ${agent}, claimed_at = clock_timestamp(),
    claimed_until = clock_timestamp() + ${leaseSeconds}::int * interval '1 second', times_claimed = t.times_claimed + 1`
}

/** Whose claim on a task it is: with the id, that very one. */
export interface Holder {
  readonly by: string
  readonly claimId: string | undefined
}

function isHeld(tx: Tx, { by, claimId }: Holder) {
  return tx`
    t.outcome is null and t.claimed_by = ${by} and t.claimed_until > clock_timestamp()
    ${claimId === undefined ? tx`` : tx`and t.claim_id = ${claimId}`}`
}

/** Lets a lease begin anew. */
export function renewClaim(tx: Tx, tenantId: string, id: string, holder: Holder, leaseSeconds: number) {
  return tx<Changed[]>`
    update tasks t set claimed_until = clock_timestamp() + ${leaseSeconds}::int * interval '1 second'
    where t.tenant_id = ${tenantId} and t.id = ${id} and ${isHeld(tx, holder)} returning t.id`
}

export function releaseClaim(tx: Tx, tenantId: string, id: string, holder: Holder) {
  return tx<Changed[]>`
    update tasks t set ${noClaim(tx)}
    where t.tenant_id = ${tenantId} and t.id = ${id} and ${isHeld(tx, holder)} returning t.id`
}

export function completeClaimed(tx: Tx, tenantId: string, id: string, holder: Holder) {
  return tx<Changed[]>`
    update tasks t set outcome = 'done', ended_at = clock_timestamp(), ended_by = ${holder.by}, ${noClaim(tx)}
    where t.tenant_id = ${tenantId} and t.id = ${id} and ${isHeld(tx, holder)} returning t.id`
}

function noClaim(tx: Tx) {
  return tx`claim_id = null, claimed_by = null, claimed_for = null, claimed_at = null, claimed_until = null`
}

export function cancelTask(tx: Tx, tenantId: string, id: string, by: string) {
  return tx<Changed[]>`
    update tasks t set outcome = 'cancelled', ended_at = clock_timestamp(), ended_by = ${by}, ${noClaim(tx)}
    where t.tenant_id = ${tenantId} and t.id = ${id} and t.outcome is null returning t.id`
}

/** What a new task has of its own. */
export type NewTask = Pick<
  TaskRow,
  | 'tenant_id'
  | 'id'
  | 'subject_id'
  | 'namespace'
  | 'priority'
  | 'due_at'
  | 'with_whom'
  | 'depends_on'
  | 'created_at'
  | 'written_by'
>

export function insertTask(tx: Tx, row: NewTask) {
  return tx`
    insert into tasks (
      tenant_id, id, subject_id, namespace, priority, due_at, with_whom, depends_on, created_at, written_by
    ) values (
      ${row.tenant_id}, ${row.id}, ${row.subject_id}, ${row.namespace}, ${row.priority}, ${row.due_at}, ${row.with_whom},
      ${[...row.depends_on]}::uuid[], ${row.created_at}, ${row.written_by}
    )`
}

/** Changes a task that has not ended; gives it if it had not. */
export function updateTaskOf(
  tx: Tx,
  row: Pick<TaskRow, 'tenant_id' | 'id' | 'priority' | 'due_at' | 'with_whom' | 'written_by'>,
) {
  return tx<Changed[]>`
    update tasks t set priority = ${row.priority}, due_at = ${row.due_at}, with_whom = ${row.with_whom},
      written_by = ${row.written_by}
    where t.tenant_id = ${row.tenant_id} and t.id = ${row.id} and t.outcome is null returning t.id`
}

export function removeTask(tx: Tx, tenantId: string, id: string) {
  return tx<Changed[]>`delete from tasks t where t.tenant_id = ${tenantId} and t.id = ${id} returning t.id`
}

/** Which of the ids are those of tasks of a subject and namespace. */
export function selectTaskIds(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  namespace: string,
  ids: readonly string[],
) {
  return tx<{ id: string }[]>`
    select id from tasks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and namespace = ${namespace}
      and id = any (${[...ids]}::uuid[])`
}

import { DECISION_ROLE } from '@memoric/contracts/decision-contract.ts'
import { HANDOFF_ROLE } from '@memoric/contracts/handoff-contract.ts'
import { KNOWLEDGE_ROLE } from '@memoric/contracts/knowledge-contract.ts'
import { TASK_ROLE } from '@memoric/contracts/task-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { PRINCIPLE_ROLE, REFLECTION_ROLE } from '../consolidations/reflection-roles.ts'
import type { MemoryRow } from './memory-row.ts'
import { recordOf } from './record-of.ts'

/** What a memory has the words of: a handoff, a knowledge note, a decision or a task; null for a memory that is its own. */
export function selectRecordOf(tx: Tx, { tenant_id, id }: Pick<MemoryRow, 'tenant_id' | 'id'>) {
  return tx<{ kind: string | null }[]>`select ${recordOf(tx, tx`${tenant_id}::uuid`, tx`${id}::uuid`)} as kind`
}

/** The same, or which reflection or principle a memory is: it says what its sources say, and is made anew of them. */
export function selectMadeFor(tx: Tx, { tenant_id, id }: Pick<MemoryRow, 'tenant_id' | 'id'>) {
  return tx<{ kind: string | null }[]>`
    select coalesce(${recordOf(tx, tx`${tenant_id}::uuid`, tx`${id}::uuid`)}, (
      select case r.kind when 'principle' then 'principle' else 'reflection' end from reflections r
      where r.tenant_id = ${tenant_id} and r.id = ${id}
    )) as kind`
}

/**
 * The memory of a record says what the record says; and who may write memories must not change by them who a subject is becoming.
 * Throws AppError `memory_of_handoff`, `memory_of_record`.
 */
export function requireNoRecord(found: readonly { readonly kind: string | null }[]): void {
  const kind = found[0]?.kind ?? null
  if (kind === HANDOFF_ROLE) throw new AppError('memory_of_handoff')
  if (kind !== null) throw new AppError('memory_of_record', { detail: kind })
}

const ROLES: ReadonlySet<string | null> = new Set([
  HANDOFF_ROLE,
  KNOWLEDGE_ROLE,
  DECISION_ROLE,
  TASK_ROLE,
  REFLECTION_ROLE,
  PRINCIPLE_ROLE,
])

/** Whether a memory may be of a record, or a reflection: the others need not be asked for. */
export function mayBeMadeFor({ role }: { readonly role: string | null }): boolean {
  return ROLES.has(role)
}

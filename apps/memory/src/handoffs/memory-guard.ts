import { HANDOFF_ROLE } from '@memoric/contracts/handoff-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { MemoryRow } from '../memories/memory-row.ts'

/** The handoff that a memory belongs to, if it belongs to one. */
export function selectHandoffOfMemory(tx: Tx, { tenant_id, id }: MemoryRow) {
  return tx<{ id: string }[]>`select id from handoffs where tenant_id = ${tenant_id} and id = ${id}`
}

/**
 * The memory of a handoff says what the handoff says; and who may write memories must not change by them who a subject is becoming.
 * Throws AppError `memory_of_handoff`.
 */
export function requireNoHandoff(handoffs: readonly unknown[]): void {
  if (handoffs.length > 0) throw new AppError('memory_of_handoff')
}

/** Whether a memory may belong to a handoff: the others need not be asked for. */
export function isHandoffMemory({ role }: { readonly role: string | null }): boolean {
  return role === HANDOFF_ROLE
}

import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { nameOf } from '../provenance/provenance.ts'
import { type CapsuleReader, selectCapsule } from './capsule-repository.ts'
import type { CapsuleRow } from './capsule-row.ts'

/**
 * A capsule is for whom it names, also where their credential is limited to other subjects: that is what it is for. Who looks after
 * those of the tenant has a credential without limits.
 */
export function readerOf(caller: Caller): CapsuleReader {
  const { principal, permissions, subjects, namespaces } = caller
  const ownSubject = principal.type === 'user' ? principal.id : null
  const isWhole = subjects === '*' && namespaces === '*'
  return { name: nameOf(caller), ownSubject, seesAll: isWhole && permissions.includes('admin:*') }
}

/** The capsule with this id, if it is for the caller. Throws AppError `capsule_not_found`. */
export async function findCapsule(deps: MemoryDeps, caller: Caller, id: string): Promise<CapsuleRow> {
  const [[row]] = await tenantFlight(deps.sql, wholeTenant(caller.tenantId), (tx) => [
    selectCapsule(tx, caller.tenantId, id, readerOf(caller)),
  ])
  if (row === undefined) throw new AppError('capsule_not_found')
  return row
}

/** Runs `work` with the keys of a capsule's subject. Throws AppError `capsule_not_found`, `consent_withdrawn`. */
export function withKeysOfCapsule<R>(
  deps: MemoryDeps,
  row: CapsuleRow,
  work: (keys: SubjectKeys) => R | Promise<R>,
): Promise<R> {
  return deps.keys.forReading(row.tenant_id, row.subject_id, (keys) => {
    if (keys === null) throw new AppError('capsule_not_found')
    requireProcessing(keys)
    return work(keys)
  })
}

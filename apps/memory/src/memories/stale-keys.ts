import type { CreateMemory } from '@memoric/contracts/memory-contract.ts'
import { errorCode } from '@memoric/postgres/database-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { subjectOfDraft } from './memory-draft.ts'
import { STALE_KEY } from './subject-lock-repository.ts'
import type { MemoryRow } from './memory-row.ts'

/** Runs a write of one subject, and once more with keys read anew when its key was rotated meanwhile. */
export function withFreshKeys<R>(
  deps: Pick<MemoryDeps, 'keys'>,
  row: Pick<MemoryRow, 'tenant_id' | 'subject_id'>,
  write: () => Promise<R>,
): Promise<R> {
  return retry(write, () => deps.keys.forgetSubject(row.tenant_id, row.subject_id))
}

/** The same for a write of several subjects. */
export function withFreshKeysOf<R>(
  deps: MemoryDeps,
  { caller }: RequestContext,
  inputs: readonly CreateMemory[],
  write: () => Promise<R>,
): Promise<R> {
  return retry(write, () => {
    const subjects = new Set(inputs.map((input) => subjectOfDraft(caller, input)))
    for (const subject of subjects) deps.keys.forgetSubject(caller.tenantId, subject)
  })
}

async function retry<R>(write: () => Promise<R>, forget: () => void): Promise<R> {
  try {
    return await write()
  } catch (error) {
    if (errorCode(error) !== STALE_KEY) throw error
    forget()
    return write()
  }
}

import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { nameFingerprint } from './name-fingerprint.ts'
import { selectNamesOf } from './person-repository.ts'

/** A person as somebody calls them, and the fingerprints of all their names. */
export interface NamedPerson {
  readonly name: string
  readonly fingerprints: readonly Buffer[]
}

/** Who goes by a name; null for no name. */
export async function findPerson(
  deps: Pick<MemoryDeps, 'sql'>,
  caller: Caller,
  place: SubjectPlace,
  keys: SubjectKeys | null,
  name: string | undefined,
): Promise<NamedPerson | null> {
  if (name === undefined || keys === null) return null
  const fingerprint = nameFingerprint(keys, name)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectNamesOf(tx, place, fingerprint)])
  return { name, fingerprints: rows.map((row) => row.name) }
}

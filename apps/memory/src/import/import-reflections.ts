import type { Tx } from '@memoric/postgres/lease.ts'
import { hashOf, type Source, slotOf } from '../consolidations/plan-period.ts'
import { insertReflection } from '../consolidations/reflected-repository.ts'
import type { ReflectionLine } from '../exports/export-lines.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { IdOfMemory } from './import-records.ts'

/** Writes what a reflection was made of, if its memory and its sources are here, and gives how many that were. */
export async function importReflection(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  line: ReflectionLine,
  idOf: IdOfMemory,
): Promise<number> {
  const sources: Source[] = []
  for (const { id, created_at, version } of line.sources) sources.push({ id: await idOf(id, created_at), version })
  const person = line.with_whom === null ? null : nameFingerprint(keys, line.with_whom)
  const seedId = line.seed === null ? null : await idOf(line.seed.id, line.seed.created_at)
  const about = seedId === null ? [line.kind, line.from] : ['principle', seedId, String(line.seed?.nth ?? 0)]
  const row = {
    id: await idOf(line.id, line.created_at),
    namespace: line.namespace,
    kind: line.kind,
    slot: slotOf(about, line.namespace, person),
    person,
    seed_id: seedId,
    seed_nth: line.seed?.nth ?? null,
    starts_on: line.from,
    ends_on: line.to,
    confidence: line.confidence,
    sources_hash: hashOf(sources),
  }
  const ids = sources.map(({ id }) => id)
  return (await insertReflection(tx, place, row, ids)).length
}

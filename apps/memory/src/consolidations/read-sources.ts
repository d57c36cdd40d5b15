import { HANDOFF_PARTS } from '@memoric/contracts/handoff-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { HandoffParts } from '../handoffs/handoff-box.ts'
import { openHandoff } from '../handoffs/handoff-row.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { type MemoryRow, openRow } from '../memories/memory-row.ts'
import type { PolicyDeps } from '../policies/policy-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectHandoffsOf } from './happening-repository.ts'
import type { Source } from './plan-period.ts'

/** A source with what it says. */
export interface ReadSource {
  readonly row: MemoryRow
  readonly text: string
}

/** Who an agent is becoming stands in its identity; the story says the same at length. */
const TOLD = HANDOFF_PARTS.filter((part) => part !== 'becoming' && part !== 'story')

/** Reads sources in their order of time; those that have changed are left out. */
export async function readSources(
  { sql }: Pick<PolicyDeps, 'sql'>,
  keys: SubjectKeys,
  place: SubjectPlace,
  sources: readonly Source[],
): Promise<ReadSource[]> {
  const ids = sources.map(({ id }) => id)
  const versions = new Map(sources.map(({ id, version }) => [id, version]))
  const [rows, handoffs] = await tenantFlight(sql, wholeTenant(place.tenantId), (tx) => [
    selectMemories(tx, place.tenantId, ids),
    selectHandoffsOf(tx, place, ids),
  ])
  const parts = new Map(handoffs.map((row) => [String(row.id), openHandoff(keys, row)]))
  return rows
    .filter((row) => row.subject_id === place.subjectId && row.version === versions.get(row.id))
    .toSorted((one, other) => one.occurred_at.getTime() - other.occurred_at.getTime() || (one.id < other.id ? -1 : 1))
    .map((row) => ({ row, text: textOf(parts.get(row.id)) ?? openRow(keys, row).content }))
}

function textOf(parts: HandoffParts | undefined): string | undefined {
  if (parts === undefined) return undefined
  const told = TOLD.flatMap((part) => parts[part] ?? [])
  return told.length > 0 ? told.join('\n') : (parts.story ?? undefined)
}

import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { replaceMemory } from '../memories/memory-repository.ts'
import { type MemoryRow, openRow } from '../memories/memory-row.ts'
import { type PrivateAttributes, sealAttributes } from '../memories/private-attributes.ts'
import { selectFingerprints } from './fingerprint-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { sentenceTrimmer } from '../text-work/trim-text.ts'
import type { Policy } from './policy.ts'
import type { PolicyDeps } from './policy-deps.ts'
import type { Judged } from './run-page.ts'
import type { RunState } from './run-state.ts'

export interface Trimmed {
  readonly memories: number
  readonly failed: number
  /** Sealed bytes that came to what is stored. */
  readonly bytes: number
}

/**
 * Cuts contents that are too long for the tier of the memory. The version before stays in the history, and so does its fingerprint: the
 * whole content again is known.
 */
export async function trimMemories(
  tx: Tx,
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  judged: readonly Judged[],
  mayTrim: boolean,
): Promise<Trimmed> {
  const limits = trimLimits(state.policy, judged)
  const ids = [...limits.keys()]
  if (ids.length === 0) return { memories: 0, failed: 0, bytes: 0 }
  if (!mayTrim) return { memories: 0, failed: ids.length, bytes: 0 }
  const [rows, fingerprints, usage] = await Promise.all([
    selectMemories(tx, place.tenantId, ids),
    selectFingerprints(tx, place.tenantId, ids),
    deps.quotas.of(place.tenantId),
  ])
  const print = new Map(fingerprints.map(({ id, fingerprint }) => [id, fingerprint]))
  const shorter = rows.flatMap((row) => trimmedOf(keys, row, limits.get(row.id) ?? Infinity))
  let bytes = 0
  for (const { row, attributes } of shorter) {
    const next = replacementOf(keys, row, attributes, print.get(row.id) ?? Buffer.alloc(0))
    await replaceMemory(tx, row, next, usage.limits.subject)
    bytes += next.sealed.length
  }
  await outboxInsert(
    tx,
    shorter.map(({ row }) => trimmedEvent(deps, state, row)),
  )
  return { memories: shorter.length, failed: 0, bytes }
}

/** The most characters of each memory that may have more. A content never takes more bytes than its box. */
export function trimLimits({ document }: Policy, judged: readonly Judged[]): Map<string, number> {
  const most = new Map(document.tiers.map(({ name, trim }) => [name, trim?.max_characters ?? Infinity]))
  return new Map(
    judged.flatMap(({ row, verdict }): [string, number][] => {
      const max = most.get(verdict.tier) ?? Infinity
      return verdict.isDeleted || row.is_guarded || row.size <= max ? [] : [[row.id, max]]
    }),
  )
}

/** The attributes with a shorter content; nothing when it is short enough. */
export function trimmedOf(keys: SubjectKeys, row: MemoryRow, max: number) {
  const before = openRow(keys, row)
  const content = sentenceTrimmer.trim(before.content, max)
  return content === before.content ? [] : [{ row, attributes: { ...before, content } }]
}

function replacementOf(keys: SubjectKeys, row: MemoryRow, attributes: PrivateAttributes, fingerprint: Buffer) {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id, memoryId: row.id, version: row.version + 1 }
  return {
    tier: null,
    importance: row.importance,
    occurredAt: row.occurred_at,
    expiresAt: row.expires_at,
    fingerprint,
    sealed: sealAttributes(keys.content.current(), place, attributes),
    provenance: null,
  }
}

function trimmedEvent(deps: PolicyDeps, { context, run }: RunState, row: MemoryRow) {
  const details = { run_id: run.id, subject_id: row.subject_id, version: row.version + 1 }
  return deps.events({ type: 'memory.trimmed', context, resourceId: row.id, statusCode: null, details })
}

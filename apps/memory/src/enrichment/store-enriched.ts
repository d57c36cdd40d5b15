import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EnrichedField } from '@memoric/contracts/memory-contract.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { openRow, tidyImportance } from '../memories/memory-row.ts'
import { sealAttributes } from '../memories/private-attributes.ts'
import { scopeOfIndex } from '../search/segment-repository.ts'
import { serviceContext } from '../service-context.ts'
import type { EnricherDeps, EnrichmentPlace, Found, Step } from './enricher-deps.ts'
import {
  advanceSubject,
  type EnrichedMemory,
  type EnrichmentRow,
  selectCurrent,
  writeEnriched,
} from './enrichment-repository.ts'
import { fillIn, isWaiting } from './enrichment-state.ts'

/** A memory that gets values, or that the model has nothing to say about. */
interface Filled extends EnrichedMemory {
  readonly found: Found
  readonly fields: readonly EnrichedField[]
  /** Sealed bytes that it takes more. */
  readonly more: number
}

/**
 * Writes what was found for those memories that are still as they were when it was looked for, with the event and the place from which
 * the next step goes on. False when the subject is no longer ours. Throws STALE_KEY, CONSENT_WITHDRAWN, NO_CONSENT, OVER_QUOTA.
 */
export async function storeStep(deps: EnricherDeps, place: EnrichmentPlace, step: Step): Promise<boolean> {
  const { limits } = await deps.quotas.of(place.tenantId)
  const filled = await deps.keys
    .forReading(place.tenantId, place.subjectId, async (keys) => {
      if (keys === null) return null
      return tenantTransaction(deps.sql, scopeOfIndex(place), async (tx) => {
        const { memories, lastChange } = await lockAndFill(tx, keys, place, step)
        const bytes = memories.reduce((sum, { more }) => sum + more, 0)
        const isLast = lastChange === step.upTo
        const [advanced] = await Promise.all([
          advanceSubject(tx, place, step.lease, step.upTo + (isLast ? memories.length : 0)),
          memories.length === 0 ? undefined : writeEnriched(tx, place, memories, bytes, limits.subject),
          outboxInsert(tx, enrichedEvents(deps, place, memories)),
        ])
        if (advanced.length === 0) throw new LeaseLost()
        return memories
      })
    })
    .catch((error: unknown) => {
      if (error instanceof LeaseLost) return null
      throw error
    })
  if (filled === null) return false
  tell(deps, place, filled)
  return true
}

/** Rolls the transaction back: somebody else has the subject, or it is gone. */
class LeaseLost extends Error {}

async function lockAndFill(tx: Tx, keys: SubjectKeys, place: EnrichmentPlace, step: Step) {
  const consent = step.consentRequired ? 'required' : 'not_withdrawn'
  const [, rows] = await Promise.all([
    lockSubjects(tx, place.tenantId, [{ subjectId: place.subjectId, keyVersion: keys.content.current().id, consent }]),
    selectCurrent(
      tx,
      place,
      step.derived.map(({ id }) => id),
    ),
  ])
  const found = new Map(step.derived.map((each) => [each.id, each]))
  const memories = rows.flatMap((row) => {
    const own = row.id === null ? undefined : found.get(row.id)
    return own === undefined ? [] : (fill(keys, place, row, own, step.fields) ?? [])
  })
  return { memories, lastChange: rows[0]?.last_change }
}

/** Null for a memory that somebody has changed, or that nothing was found for by rules: a model may find something one day. */
function fill(
  keys: SubjectKeys,
  { tenantId, subjectId }: EnrichmentPlace,
  row: EnrichmentRow,
  found: Found,
  fields: readonly EnrichedField[],
): Filled | null {
  if (row.id === null || row.version !== found.version) return null
  const before = openRow(keys, { ...row, tenant_id: tenantId, subject_id: subjectId })
  if (!isWaiting(before)) return null
  const { attributes, importance } = fillIn({ attributes: before, importance: row.importance }, found.values, fields)
  const derived = attributes.enrichment?.derived ?? []
  if (derived.length === 0 && found.by === 'rules') return null
  const memory = { tenantId, subjectId, memoryId: row.id, version: row.version }
  const sealed = sealAttributes(keys.content.current(), memory, attributes)
  const more = sealed.length - row.sealed.length
  return { id: row.id, importance: tidyImportance(importance), sealed, found, fields: derived, more }
}

/** One event for all of a step; it names no value. */
function enrichedEvents(
  { events, textModel }: EnricherDeps,
  { tenantId, subjectId }: EnrichmentPlace,
  all: readonly Filled[],
) {
  const memories = all.filter(({ fields }) => fields.length > 0)
  if (memories.length === 0) return []
  const isByModel = memories.some(({ found }) => found.by === 'model')
  const details = {
    memory_ids: memories.map(({ id }) => id),
    fields: [...new Set(memories.flatMap(({ fields }) => fields))].toSorted(),
    model: isByModel ? (textModel?.name ?? null) : null,
    by_rules: memories.filter(({ found }) => found.by === 'rules').length,
    fallbacks: memories.filter(({ found }) => found.isFallback).length,
  }
  const context = serviceContext(tenantId, 'enrichment')
  return [events({ type: 'memory.enriched', context, resourceId: subjectId, statusCode: null, details })]
}

function tell(deps: EnricherDeps, { tenantId }: EnrichmentPlace, filled: readonly Filled[]): void {
  if (filled.length === 0) return
  const byRules = filled.filter(({ found }) => found.by === 'rules')
  const fallbacks = byRules.filter(({ found }) => found.isFallback).length
  deps.onDone(filled.length - byRules.length, byRules.length, fallbacks)
  deps.quotas.add(tenantId, { memories: 0, bytes: filled.reduce((sum, { more }) => sum + more, 0) })
  deps.relay.wake()
}

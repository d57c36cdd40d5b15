import { errorCode } from '@memoric/postgres/database-error.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { STALE_KEY } from '../memories/subject-lock-repository.ts'
import { openRow } from '../memories/memory-row.ts'
import { CONSENT_WITHDRAWN, NO_CONSENT } from '../privacy/consent-rules.ts'
import { OVER_QUOTA } from '../quotas/quota-repository.ts'
import { scopeOfIndex } from '../search/segment-repository.ts'
import { deriveAll } from './derive.ts'
import { claimSubject, type EnrichmentRow, releaseSubject, selectRecent } from './enrichment-repository.ts'
import { isWaiting } from './enrichment-state.ts'
import type { EnricherDeps, EnrichmentPlace, Step, WaitingMemory } from './enricher-deps.ts'
import { storeStep } from './store-enriched.ts'

/** Memories of one step. */
const STEP = 50
/** Longer than any step takes. */
const LEASE_SECONDS = 180

/** The consent of the subject ended meanwhile. */
const ENDED: ReadonlySet<string> = new Set([CONSENT_WITHDRAWN, NO_CONSENT])

/** Enriches the memories of a subject, a step after the other, until none waits. */
export async function enrichSubject(deps: EnricherDeps, place: EnrichmentPlace): Promise<void> {
  const lease = { lease: crypto.randomUUID(), seconds: LEASE_SECONDS }
  try {
    let more = true
    while (more && !deps.signal.aborted) more = await step(deps, place, lease)
  } finally {
    await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [releaseSubject(tx, place, lease)]).catch(() => undefined)
  }
}

/** False when there is nothing to do, or somebody else does it. */
async function step(deps: EnricherDeps, place: EnrichmentPlace, lease: Step['lease']): Promise<boolean> {
  const { document } = await deps.policies.of(place.tenantId)
  const [[claim]] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [claimSubject(tx, place, lease)])
  if (claim === undefined || document.enrichment.mode === 'off') return false
  const [rows] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [
    selectRecent(tx, place, claim.change, claim.since, STEP),
  ])
  const [first] = rows
  if (first === undefined) return false
  const memories = rows.filter(isMemory)
  const upTo = memories.length < STEP ? first.last_change : (memories.at(-1)?.change ?? first.last_change)
  const waiting = await openWaiting(deps, place, memories)
  if (waiting === null) return false
  const derived = await deriveAll(deps, place, document.enrichment, waiting)
  if (deps.signal.aborted) return false
  const fields = document.enrichment.fields
  return store(deps, place, { lease, upTo, derived, fields, consentRequired: claim.consent_required })
}

type MemoryOfStep = Exclude<EnrichmentRow, { readonly id: null }>

function isMemory(row: EnrichmentRow): row is MemoryOfStep {
  return row.id !== null
}

/** Null for a subject that must not be read. */
function openWaiting(
  { keys }: EnricherDeps,
  { tenantId, subjectId }: EnrichmentPlace,
  rows: readonly MemoryOfStep[],
): Promise<WaitingMemory[] | null> {
  return keys.forReading(tenantId, subjectId, (own) => {
    if (own === null || own.isStopped) return null
    return rows.flatMap((row) => {
      const attributes = openRow(own, { ...row, tenant_id: tenantId, subject_id: subjectId })
      return isWaiting(attributes) ? [{ id: row.id, version: row.version, content: attributes.content }] : []
    })
  })
}

/** What does not fit into a quota stays as it is. */
async function store(deps: EnricherDeps, place: EnrichmentPlace, step: Step): Promise<boolean> {
  try {
    return await storeStep(deps, place, step)
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (ENDED.has(code)) return false
    if (code === OVER_QUOTA) return storeStep(deps, place, { ...step, derived: [] })
    if (code !== STALE_KEY) throw error
    deps.keys.forgetSubject(place.tenantId, place.subjectId)
    return true
  }
}

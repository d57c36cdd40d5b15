import { errorCode } from '@memoric/postgres/database-error.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { writeEntries } from '../memories/memory-repository.ts'
import { type MemoryRow, openRow } from '../memories/memory-row.ts'
import { mergeDrafts } from '../memories/merge-drafts.ts'
import { eventsOf, fatesOf } from '../memories/write-fates.ts'
import { OVER_QUOTA } from '../quotas/quota-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { markSummarised } from './memory-summaries.ts'
import type { PolicyDeps } from './policy-deps.ts'
import { addCounts } from './report.ts'
import { lockForRun } from './run-page.ts'
import { LAST, type RunState } from './run-state.ts'
import { draftSummary, summaryEvents } from './summary-draft.ts'
import { type SummaryText, summariseRows } from './summarise-rows.ts'
import { selectFullThreads } from './thread-repository.ts'

/** Most memories that one summary stands for. */
const SOURCES = 100

/** Writes summaries of the threads that have enough memories in a tier which asks for that. */
export async function runSummaries(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
): Promise<void> {
  const { tiers, summarisation, age_from: ageFrom } = state.policy.document
  if (summarisation.summariser === 'none') return
  for (const tier of tiers) {
    if (tier.summarise === null) continue
    const { min_memories: minMemories, older_than_days: olderThanDays } = tier.summarise
    const limits = { minMemories, olderThanDays, ageFrom }
    const [threads] = await tenantFlight(deps.sql, wholeTenant(place.tenantId), (tx) => [
      selectFullThreads(tx, place, tier.name, limits),
    ])
    for (const { memory_ids: ids } of threads) {
      for (let at = 0; ids.length - at >= minMemories && !state.signal.aborted; at += SOURCES) {
        await summariseSome(deps, state, keys, place, ids.slice(at, at + SOURCES))
      }
    }
  }
}

/** One summary of these memories of a thread; none when some of them are gone or summarised by now. */
async function summariseSome(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  ids: readonly string[],
): Promise<void> {
  const [found] = await tenantFlight(deps.sql, wholeTenant(place.tenantId), (tx) => [
    selectMemories(tx, place.tenantId, ids),
  ])
  const places = new Map(ids.map((id, at) => [id, at]))
  const rows = found
    .filter((row) => row.subject_id === place.subjectId && row.summarised_by === null)
    .toSorted((one, other) => (places.get(one.id) ?? 0) - (places.get(other.id) ?? 0))
  if (rows.length < ids.length) return
  const opened = rows.map((row) => ({ row, attributes: openRow(keys, row) }))
  const text = await summariseRows(deps, state, opened)
  if (text === null) return
  try {
    await write(deps, state, keys, place, rows, text)
  } catch (error) {
    if (errorCode(error) !== OVER_QUOTA) throw error
    await noteFailure(deps, state, place)
  }
}

/** When a source was changed meanwhile, nothing is written. */
async function write(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  rows: readonly MemoryRow[],
  text: SummaryText,
): Promise<void> {
  const draft = draftSummary(deps, state, keys, place, rows, text)
  const { limits } = await deps.quotas.of(place.tenantId)
  const committed = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), async (tx) => {
    await lockForRun(tx, state, keys, place)
    const told = summaryEvents(deps, state, draft, rows)
    const { entries, asks } = mergeDrafts([draft])
    const written = await writeEntries(tx, place.tenantId, entries, eventsOf([told], asks), limits.subject)
    fatesOf(entries, asks, written)
    const marked = await markSummarised(tx, place, draft.id, rows)
    if (marked.length < rows.length) throw new SourcesChanged()
    return state.note(tx, {
      placeSubject: place.subjectId,
      placeMemory: LAST,
      lookedAt: 0,
      change: (report) =>
        addCounts(report, { summaries: 1, summarised: rows.length, fallbacks: text.isFallback ? 1 : 0 }),
    })
  }).catch((error: unknown) => {
    if (error instanceof SourcesChanged) return null
    throw error
  })
  if (committed === null) return
  committed()
  deps.quotas.add(place.tenantId, { memories: 1, bytes: draft.sealed.length })
  deps.relay.wake()
}

class SourcesChanged extends Error {}

async function noteFailure(deps: PolicyDeps, state: RunState, place: SubjectPlace): Promise<void> {
  const committed = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), (tx) =>
    state.note(tx, {
      placeSubject: place.subjectId,
      placeMemory: LAST,
      lookedAt: 0,
      change: (report) => addCounts(report, { failed: 1 }),
    }),
  )
  committed()
}

import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { CreateMemory } from '@memoric/contracts/memory-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import { draftMemory, type MemoryDraft } from '../memories/memory-draft.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { replaceMemory, writeEntries } from '../memories/memory-repository.ts'
import { type MemoryRow, tidyImportance } from '../memories/memory-row.ts'
import { mergeDrafts } from '../memories/merge-drafts.ts'
import { sealAttributes } from '../memories/private-attributes.ts'
import { eventsOf } from '../memories/write-fates.ts'
import type { PolicyDeps } from '../policies/policy-deps.ts'
import { lastingTier } from '../policies/lasting-tier.ts'
import { addCounts } from '../policies/report.ts'
import { lockForRun } from '../policies/run-page.ts'
import { LAST, type RunState } from '../policies/run-state.ts'
import { derivedProvenance } from '../provenance/provenance.ts'
import type { Amount } from '../quotas/quota-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { Known, Plan } from './plan-period.ts'
import { readSources, type ReadSource } from './read-sources.ts'
import { PRINCIPLE_ROLE, REFLECTION_ROLE } from './reflection-roles.ts'
import { textOfPlan } from './reflection-text.ts'
import { countUnchanged, type ReflectionRow, selectSlot, upsertReflection } from './reflection-repository.ts'

/** Longest name that a memory can have among its entities, characters. */
const ENTITY = 128

/** A source was changed, deleted or withheld meanwhile. */
export class SourcesChanged extends Error {
  override readonly name = 'SourcesChanged'
}

/**
 * Makes a reflection, or its next version when its sources are others by now; gives it as it is then. Null when there is nothing to say.
 * Throws SourcesChanged, RunLost, OVER_QUOTA, and as lockForRun.
 */
export async function writeReflection(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  plan: Plan,
): Promise<Known | null> {
  const sources = await readSources(deps, keys, place, plan.sources)
  if (sources.length < plan.sources.length) throw new SourcesChanged()
  const text = await textOfPlan(deps, state, plan, sources)
  if (text === null) return null
  const { limits } = await deps.quotas.of(place.tenantId)
  const done = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), async (tx) => {
    await lockForRun(tx, state, keys, place)
    const [[unchanged], [known]] = await Promise.all([
      countUnchanged(tx, place, plan.sources),
      selectSlot(tx, place, plan.slot),
    ])
    if (unchanged?.count !== plan.sources.length) throw new SourcesChanged()
    if (known?.sources_hash.equals(plan.hash) === true) return { known, added: null, committed: () => undefined }
    const draft = draftOf(deps, state, keys, place, plan, sources, text, known?.id)
    const written = await writeMemory(tx, deps, state, keys, place, plan, draft, limits.subject)
    const row = rowOf(plan, draft.id)
    await upsertReflection(
      tx,
      place,
      row,
      plan.sources.map(({ id }) => id),
      draft.createdAt,
    )
    const which = plan.kind === 'principle' ? 'principles' : 'reflections'
    const committed = await state.note(tx, {
      placeSubject: place.subjectId,
      placeMemory: LAST,
      lookedAt: 0,
      change: (report) => addCounts(report, { [which]: 1, fallbacks: text.isFallback ? 1 : 0 }),
    })
    return { known: { ...row, version: written.version }, added: written.added, committed }
  })
  done.committed()
  if (done.added !== null) deps.quotas.add(place.tenantId, done.added)
  deps.relay.wake()
  return done.known
}

function draftOf(
  deps: PolicyDeps,
  { context, policy }: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  plan: Plan,
  sources: readonly ReadSource[],
  { content, method }: { readonly content: string; readonly method: string },
  knownId: MemoryId | undefined,
): MemoryDraft {
  const rows = sources.map(({ row }) => row)
  const isPrinciple = plan.kind === 'principle'
  const newest = rows.reduce((latest, row) => Math.max(latest, row.occurred_at.getTime()), -Infinity)
  const confidence = tidyImportance(plan.confidence)
  const input: CreateMemory = {
    content,
    subject_id: place.subjectId,
    namespace: plan.namespace,
    role: isPrinciple ? PRINCIPLE_ROLE : REFLECTION_ROLE,
    tier: lastingTier(policy.document),
    importance: isPrinciple ? confidence : tidyImportance(Math.max(...rows.map(({ importance }) => importance))),
    occurred_at: new Date(newest).toISOString(),
    entities: plan.name !== null && Array.from(plan.name).length <= ENTITY ? [plan.name] : [],
    metadata: {
      kind: isPrinciple ? PRINCIPLE_ROLE : REFLECTION_ROLE,
      ...(!isPrinciple && { period: plan.kind }),
      from: plan.startsOn,
      to: plan.endsOn,
      with_whom: plan.name,
      confidence,
      method,
      source_ids: rows.map(({ id }) => id),
    },
    on_duplicate: 'create',
  }
  const provenance = derivedProvenance(context.caller, rows)
  return draftMemory(context.caller, input, keys, deps.now(), knownId ?? (uuidV7() as MemoryId), provenance)
}

function writeMemory(
  tx: Tx,
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  plan: Plan,
  draft: MemoryDraft,
  limits: Amount,
): Promise<{ version: number; added: Amount }> {
  return selectMemories(tx, place.tenantId, [draft.id]).then(([before]) =>
    before === undefined
      ? make(tx, deps, state, place, plan, draft, limits)
      : replace(tx, deps, state, keys, plan, draft, before, limits),
  )
}

async function make(
  tx: Tx,
  deps: PolicyDeps,
  state: RunState,
  place: SubjectPlace,
  plan: Plan,
  draft: MemoryDraft,
  limits: Amount,
): Promise<{ version: number; added: Amount }> {
  const made = reflectedEvent(deps, state, place, plan, draft, 1)
  const { entries, asks } = mergeDrafts([draft])
  const told = eventsOf([{ draft, made, reinforced: made }], asks)
  const rows = await writeEntries(tx, place.tenantId, entries, told, limits)
  if (rows.length === 0) throw new SourcesChanged()
  return { version: 1, added: { memories: 1, bytes: draft.sealed.length } }
}

/** The version before stays in the history. */
async function replace(
  tx: Tx,
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  plan: Plan,
  draft: MemoryDraft,
  before: MemoryRow,
  limits: Amount,
): Promise<{ version: number; added: Amount }> {
  const version = before.version + 1
  const place = { tenantId: before.tenant_id, subjectId: before.subject_id, memoryId: before.id, version }
  const sealed = sealAttributes(keys.content.current(), place, draft.attributes)
  const { importance, occurredAt, fingerprint, provenance } = draft
  const next = { tier: null, importance, occurredAt, expiresAt: before.expires_at, fingerprint, sealed, provenance }
  const rows = await replaceMemory(tx, before, next, limits)
  if (rows.length === 0) throw new SourcesChanged()
  await outboxInsert(tx, [reflectedEvent(deps, state, place, plan, draft, version)])
  return { version, added: { memories: 0, bytes: sealed.length } }
}

/** What it was made of; nothing of what it says. */
function reflectedEvent(
  { events }: PolicyDeps,
  { context, run }: RunState,
  { subjectId }: SubjectPlace,
  { kind, startsOn, endsOn, sources, namespace }: Plan,
  { id }: MemoryDraft,
  version: number,
) {
  const memory_ids = sources.map((source) => source.id)
  const details = {
    run_id: run.id,
    subject_id: subjectId,
    namespace,
    kind,
    from: startsOn,
    to: endsOn,
    version,
    memory_ids,
  }
  return events({ type: 'memory.reflected', context, resourceId: id, statusCode: null, details })
}

function rowOf(plan: Plan, id: MemoryId): Omit<ReflectionRow, 'version'> {
  return {
    id,
    namespace: plan.namespace,
    kind: plan.kind,
    slot: plan.slot,
    person: plan.person,
    seed_id: plan.learned?.seedId ?? null,
    seed_nth: plan.learned?.seedNth ?? null,
    starts_on: plan.startsOn,
    ends_on: plan.endsOn,
    confidence: plan.confidence,
    sources_hash: plan.hash,
  }
}

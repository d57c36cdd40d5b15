import type { ConsolidationPeriod } from '@memoric/contracts/policy-contract.ts'
import { errorCode } from '@memoric/postgres/database-error.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import { withdrawSummaries } from '../policies/memory-summaries.ts'
import type { PolicyDeps } from '../policies/policy-deps.ts'
import { addCounts, type Counts } from '../policies/report.ts'
import { lockForRun } from '../policies/run-page.ts'
import { LAST, type RunState } from '../policies/run-state.ts'
import { OVER_QUOTA } from '../quotas/quota-repository.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { periodsUpTo, startOf } from './periods.ts'
import { type Known, type Plan, planPeriod } from './plan-period.ts'
import { planPrinciples } from './plan-principles.ts'
import { dueStarts, findMisnamed, readScene, type Scene } from './scene.ts'
import { upsertState } from './state-repository.ts'
import { removeReflections } from './withdraw-reflections.ts'
import { SourcesChanged, writeReflection } from './write-reflection.ts'

/** What works on a subject. */
interface Work {
  readonly deps: PolicyDeps
  readonly state: RunState
  readonly keys: SubjectKeys
  readonly place: SubjectPlace
  readonly scene: Scene
}

/**
 * Makes the reflections of a subject up to a period, days first, and the principles. Every reflection is written in a transaction of its
 * own and known by what it is about and made of, so that doing it again makes nothing twice. Throws as writeReflection.
 */
export async function consolidateSubject(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  upTo: ConsolidationPeriod,
): Promise<void> {
  const periods = periodsUpTo(upTo)
  const scene = await readScene(deps, keys, place, periods)
  if (scene === null) return
  const work = { deps, state, keys, place, scene }
  await withdraw(work, await findMisnamed(deps, place, scene.known))
  for (const period of periods) await consolidatePeriod(work, period)
  if (!state.signal.aborted) await consolidatePrinciples(work)
}

async function consolidatePeriod(work: Work, period: ConsolidationPeriod): Promise<void> {
  const { state, scene } = work
  let [memories, isWhole] = [0, true]
  for (const start of dueStarts(scene, period)) {
    if (state.signal.aborted) return
    const happenings = await scene.happenings(period, start)
    const plans = planPeriod(period, start, happenings, scene.known)
    memories += period === 'daily' ? happenings.length : 0
    await withdraw(work, surplus(scene, period, start, plans))
    for (const plan of plans) isWhole = (await carryOut(work, plan)) && isWhole
  }
  if (!state.signal.aborted) await noteState(work, period, isWhole, { memories })
}

/** Of a period that is known those that ought not to be: nothing is left of what they are about. */
function surplus({ known }: Scene, period: ConsolidationPeriod, start: string, plans: readonly Plan[]): Known[] {
  const wanted = new Set(plans.map(({ slot }) => slot.toString('hex')))
  return [...known.values()].filter(({ kind, starts_on, slot }) => {
    return kind === period && starts_on === start && !wanted.has(slot.toString('hex'))
  })
}

async function consolidatePrinciples(work: Work): Promise<void> {
  const { deps, state, keys, place, scene } = work
  const seeds = [...scene.known.values()].flatMap(({ seed_id }) => seed_id ?? [])
  for (const plan of await planPrinciples(deps, keys, place, seeds)) {
    if (state.signal.aborted) return
    await carryOut(work, plan)
  }
}

/** False when it could not be done now. */
async function carryOut({ deps, state, keys, place, scene }: Work, plan: Plan): Promise<boolean> {
  const slot = plan.slot.toString('hex')
  if (scene.known.get(slot)?.sources_hash.equals(plan.hash) === true) return true
  try {
    const written = await writeReflection(deps, state, keys, place, plan)
    if (written !== null) scene.known.set(slot, written)
    return true
  } catch (error) {
    if (error instanceof SourcesChanged) return false
    if (errorCode(error) !== OVER_QUOTA) throw error
    await note({ deps, state, place }, { failed: 1 })
    return false
  }
}

async function withdraw({ deps, state, keys, place, scene }: Work, reflections: readonly Known[]): Promise<void> {
  if (reflections.length === 0) return
  const ids = reflections.map(({ id }) => id)
  const done = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), async (tx) => {
    await lockForRun(tx, state, keys, place)
    const gone = await removeReflections(tx, deps, state.context, place, ids)
    const all = [...gone, ...(await withdrawSummaries(tx, deps, state.context, place, gone))]
    await removeFromSegments(tx, keys, place, all)
    const committed = await state.note(tx, stepOf(place, { withdrawn: all.length }))
    return { all, committed }
  })
  done.committed()
  const gone = new Set<string>(done.all.map(({ id }) => id))
  for (const [slot, { id }] of scene.known) if (gone.has(id)) scene.known.delete(slot)
  for (const { size } of done.all) deps.quotas.add(place.tenantId, { memories: -1, bytes: -size })
  deps.relay.wake()
}

/** What could not be done is looked at again the next time. */
async function noteState(
  { deps, state, place, scene }: Work,
  period: ConsolidationPeriod,
  isWhole: boolean,
  counts: Counts,
) {
  const { change, today, states } = scene
  const next = { period, change, through: startOf(period, today), withdrawals: states.get(period)?.withdrawals ?? 0 }
  const isAsked = state.run.period !== null
  const committed = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), async (tx) => {
    if (isWhole) await upsertState(tx, place, next)
    // A run of the policy has counted them.
    return state.note(tx, stepOf(place, isAsked ? counts : {}))
  })
  committed()
}

async function note({ deps, state, place }: Pick<Work, 'deps' | 'state' | 'place'>, counts: Counts): Promise<void> {
  const committed = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), (tx) =>
    state.note(tx, stepOf(place, counts)),
  )
  committed()
}

function stepOf({ subjectId }: SubjectPlace, counts: Counts) {
  const change = (report: Parameters<typeof addCounts>[0]) => addCounts(report, counts)
  return { placeSubject: subjectId, placeMemory: LAST, lookedAt: 0, change }
}

import type { ConsolidationPeriod, PolicyReport } from '@memoric/contracts/policy-contract.ts'
import type { MemoryId } from '@memoric/contracts/ids.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { addCounts, EMPTY_REPORT } from '../policies/report.ts'
import { selectSubjectIds, type SubjectPlace } from '../search/segment-repository.ts'
import { periodsUpTo } from './periods.ts'
import { type Plan, planPeriod } from './plan-period.ts'
import { planPrinciples } from './plan-principles.ts'
import { dueStarts, readScene, type Scene } from './scene.ts'

/** Longest time that a preview looks, ms, and subjects that are read at a time. */
const BUDGET_MS = 10_000
const SUBJECTS = 100

/** What a consolidation would make now; nothing is changed. */
export async function previewConsolidation(
  deps: MemoryDeps,
  context: RequestContext,
  period: ConsolidationPeriod,
  subjectId: string | undefined,
): Promise<PolicyReport> {
  const { tenantId } = context.caller
  const until = performance.now() + BUDGET_MS
  let report: PolicyReport = { ...EMPTY_REPORT, complete: true }
  for await (const subject of subjectsOf(deps, tenantId, subjectId)) {
    if (performance.now() > until) {
      report = { ...report, complete: false }
      break
    }
    const place = { tenantId, subjectId: subject }
    report = await deps.keys.forReading(tenantId, subject, (keys) => {
      if (keys === null || keys.isStopped) return addCounts(report, { subjects: 1, spared: 1 })
      return previewSubject(deps, keys, place, period, report)
    })
  }
  const details = { subject_id: subjectId ?? null, period, report }
  deps.reads.record({ type: 'consolidation.previewed', context, resourceId: tenantId, details })
  return report
}

async function previewSubject(
  deps: MemoryDeps,
  keys: SubjectKeys,
  place: SubjectPlace,
  upTo: ConsolidationPeriod,
  report: PolicyReport,
): Promise<PolicyReport> {
  const periods = periodsUpTo(upTo)
  const scene = await readScene(deps, keys, place, periods)
  if (scene === null) return addCounts(report, { subjects: 1 })
  let sum = addCounts(report, { subjects: 1 })
  for (const period of periods) {
    for (const start of dueStarts(scene, period)) {
      const happenings = await scene.happenings(period, start)
      const plans = planPeriod(period, start, happenings, scene.known)
      const memories = period === 'daily' ? happenings.length : 0
      sum = addCounts(sum, { memories, reflections: plans.filter((plan) => isNew(scene, plan)).length })
    }
  }
  const seeds = [...scene.known.values()].flatMap(({ seed_id }) => seed_id ?? [])
  const principles = await planPrinciples(deps, keys, place, seeds)
  return addCounts(sum, { principles: principles.filter((plan) => isNew(scene, plan)).length })
}

/** Whether it would be written; longer periods are planned as if it was. */
function isNew(
  { known }: Scene,
  { slot, kind, person, startsOn: starts_on, hash: sources_hash, learned }: Plan,
): boolean {
  const key = slot.toString('hex')
  const before = known.get(key)
  if (before?.sources_hash.equals(sources_hash) === true) return false
  // Its id is no memory's: it is not looked up.
  const id = (before?.id ?? key) as MemoryId
  const version = (before?.version ?? 0) + 1
  known.set(key, { id, version, slot, kind, person, seed_id: learned?.seedId ?? null, starts_on, sources_hash })
  return true
}

async function* subjectsOf({ sql }: MemoryDeps, tenantId: string, only: string | undefined): AsyncGenerator<string> {
  if (only !== undefined) {
    yield only
    return
  }
  for (let after = ''; ;) {
    const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
      selectSubjectIds(tx, tenantId, after, SUBJECTS),
    ])
    for (const { subject_id } of rows) yield subject_id
    const last = rows.at(-1)
    if (last === undefined || rows.length < SUBJECTS) return
    after = last.subject_id
  }
}

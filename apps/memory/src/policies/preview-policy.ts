import type { PolicyDocument, PolicyReport } from '@memoric/contracts/policy-contract.ts'
import type { Tier } from '@memoric/contracts/memory-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { selectSubjectIds, type SubjectPlace } from '../search/segment-repository.ts'
import { ageOf, judgeMemory } from './judge-memory.ts'
import { countSurplusVersions, type PageRow, selectPolicyPage } from './page-repository.ts'
import { createPolicy, type Policy } from './policy.ts'
import { addCounts, EMPTY_REPORT } from './report.ts'
import { versionLimits } from './run-history.ts'
import { type Judged, reportOf } from './run-page.ts'
import { trimLimits, trimmedOf } from './trim-memories.ts'

/** Longest time that a preview looks, ms, and what it reads at a time. */
const BUDGET_MS = 10_000
const PAGE = 500
const SUBJECTS = 100

interface Preview {
  readonly deps: MemoryDeps
  readonly policy: Policy
  readonly until: number
}

/** What a run would do now with the memories that are there; nothing is changed. */
export async function previewPolicy(
  deps: MemoryDeps,
  context: RequestContext,
  document: PolicyDocument,
  subjectId: string | undefined,
): Promise<PolicyReport> {
  const { tenantId } = context.caller
  const preview = { deps, policy: createPolicy(1, document), until: performance.now() + BUDGET_MS }
  let report: PolicyReport = { ...EMPTY_REPORT, complete: true }
  for await (const subject of subjectsOf(preview, tenantId, subjectId)) {
    report = await previewSubject(preview, { tenantId, subjectId: subject }, report)
    if (isOver(preview)) return tell({ ...report, complete: false })
  }
  return tell(report)

  function tell(whole: PolicyReport): PolicyReport {
    const details = { subject_id: subjectId ?? null, report: whole }
    deps.reads.record({ type: 'policy.previewed', context, resourceId: tenantId, details })
    return whole
  }
}

function isOver({ until }: Preview): boolean {
  return performance.now() > until
}

async function* subjectsOf({ deps }: Preview, tenantId: string, only: string | undefined): AsyncGenerator<string> {
  if (only !== undefined) {
    yield only
    return
  }
  for (let after = ''; ;) {
    const [rows] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [
      selectSubjectIds(tx, tenantId, after, SUBJECTS),
    ])
    for (const { subject_id } of rows) yield subject_id
    const last = rows.at(-1)
    if (last === undefined || rows.length < SUBJECTS) return
    after = last.subject_id
  }
}

async function previewSubject(preview: Preview, place: SubjectPlace, report: PolicyReport): Promise<PolicyReport> {
  const { deps } = preview
  return deps.keys.forReading(place.tenantId, place.subjectId, async (keys) => {
    if (keys === null || keys.isStopped) return addCounts(report, { subjects: 1, spared: 1 })
    const left: Judged[] = []
    let sum = report
    let last: PageRow | undefined
    do {
      const rows = await readPage(preview, place, last?.id ?? null)
      const judged = rows.map((row) => ({ row, verdict: judgeMemory(preview.policy, row, deps.now()) }))
      const memories = await countTrims(preview, keys, place, judged)
      sum = reportOf(sum, judged, { memories, failed: 0 })
      left.push(...judged.filter(({ verdict }) => !verdict.isDeleted))
      last = rows.length < PAGE ? undefined : rows.at(-1)
      if (last !== undefined && isOver(preview)) return { ...sum, complete: false }
    } while (last !== undefined)
    const full = addCounts(previewTiers(preview.policy, left, sum, deps.now()), { subjects: 1 })
    return previewHistory(preview, place, full)
  })
}

async function readPage({ deps: { sql } }: Preview, place: SubjectPlace, after: string | null): Promise<PageRow[]> {
  const [rows] = await tenantFlight(sql, wholeTenant(place.tenantId), (tx) => [
    selectPolicyPage(tx, place, after, PAGE),
  ])
  return rows
}

async function countTrims(
  { deps, policy }: Preview,
  keys: SubjectKeys,
  place: SubjectPlace,
  judged: readonly Judged[],
): Promise<number> {
  const limits = trimLimits(policy, judged)
  if (limits.size === 0) return 0
  const [rows] = await tenantFlight(deps.sql, wholeTenant(place.tenantId), (tx) => [
    selectMemories(tx, place.tenantId, [...limits.keys()]),
  ])
  return rows.flatMap((row) => trimmedOf(keys, row, limits.get(row.id) ?? Infinity)).length
}

/** What capacities and summaries would do: by counts, since which memories go first does not change how many. */
function previewTiers({ document }: Policy, left: readonly Judged[], report: PolicyReport, now: Date): PolicyReport {
  const { tiers, summarisation } = document
  const inTier = new Map<Tier, number>()
  for (const { verdict } of left) inTier.set(verdict.tier, (inTier.get(verdict.tier) ?? 0) + 1)
  let sum = report
  for (const [at, { name, capacity }] of tiers.entries()) {
    const surplus = (inTier.get(name) ?? 0) - (capacity?.memories ?? Infinity)
    const next = tiers[at + 1]
    if (surplus <= 0 || (capacity?.on_overflow === 'move' && next === undefined)) continue
    sum = addCounts(sum, { [capacity?.on_overflow === 'delete' ? 'deleted' : 'evicted']: surplus })
    if (capacity?.on_overflow === 'move' && next !== undefined) {
      inTier.set(next.name, (inTier.get(next.name) ?? 0) + surplus)
    }
  }
  if (summarisation.summariser === 'none') return sum
  for (const { name, summarise } of tiers) {
    if (summarise === null) continue
    const open = left.filter(({ row, verdict }) => {
      const isOld = ageOf(document, row, now) >= summarise.older_than_days
      const isFree = row.summarised_by === null && row.thread_id !== null && !row.is_guarded
      return verdict.tier === name && isOld && isFree
    })
    const summaries = new Set(left.map(({ row }) => row.summarised_by))
    const sources = open.filter(({ row }) => !summaries.has(row.id))
    for (const thread of Map.groupBy(sources, ({ row }) => JSON.stringify([row.namespace, row.thread_id])).values()) {
      sum = addCounts(sum, summariesOf(thread.length, summarise.min_memories))
    }
  }
  return sum
}

const SOURCES = 100

/** How a thread of so many memories is cut into summaries. */
function summariesOf(memories: number, least: number): { summaries: number; summarised: number } {
  let [summaries, left] = [0, memories]
  while (left >= least) {
    left -= Math.min(left, SOURCES)
    summaries += 1
  }
  return { summaries, summarised: memories - left }
}

async function previewHistory(
  { deps, policy }: Preview,
  place: SubjectPlace,
  report: PolicyReport,
): Promise<PolicyReport> {
  const limits = versionLimits(policy.document)
  if (limits === null) return report
  const [[row]] = await tenantFlight(deps.sql, wholeTenant(place.tenantId), (tx) => [
    countSurplusVersions(tx, place, limits),
  ])
  return addCounts(report, { versions_dropped: row?.versions ?? 0 })
}

import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { openRows } from '../memories/open-rows.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { scopeOfIndex, type SubjectPlace } from '../search/segment-repository.ts'
import { standingOf } from '../standing/standings.ts'
import { sealCluster } from './cluster-box.ts'
import {
  type ClusterRow,
  type ClusterState,
  removeOthers,
  selectDeletionsAfter,
  selectHashes,
  selectState,
  upsertClusters,
  upsertState,
} from './cluster-repository.ts'
import { clusterId, describeCluster, membersHash } from './describe-cluster.ts'
import { gatherDocuments, type GatheredDocuments } from './gather-documents.ts'
import { type DocumentGroup, groupDocuments } from './group-documents.ts'

export interface BuildOptions {
  readonly place: SubjectPlace
  readonly context: RequestContext
  /** Whether to describe every cluster anew, or only what has changed. */
  readonly all: boolean
}

/** What there is now. */
export interface BuiltClusters {
  readonly clusters: number
  readonly memories: number
  readonly builtAt: Date
}

/** Members that a summary is made from: the newest. */
const SOURCES = 30

/** Clusters of which the memories are read at a time. */
const TOGETHER = 5

/** How often it begins anew when memories are deleted meanwhile. */
const ATTEMPTS = 5

/** Takes in what has changed of a subject, if anything has. */
export async function catchUpClusters(deps: MemoryDeps, options: BuildOptions): Promise<void> {
  const { place } = options
  const [[state]] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [selectState(tx, place)])
  const change = await deps.indexes.use(place, (index) => index.change)
  if (change === 0 || (state?.change === change && isValid(state, deps.now()))) return
  await buildClusters(deps, options)
}

function isValid({ valid_until: until }: ClusterState, now: Date): boolean {
  return until === null || until.getTime() > now.getTime()
}

/** Builds the clusters of a subject from its memories. Throws AppError `consent_withdrawn`, `write_conflict`. */
export async function buildClusters(deps: MemoryDeps, options: BuildOptions): Promise<BuiltClusters> {
  const { tenantId, subjectId } = options.place
  const whose = { tenant_id: options.context.caller.tenantId, subject_id: subjectId }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const built = await withFreshKeys(deps, whose, () =>
      deps.keys.forReading(tenantId, subjectId, (keys) => {
        requireProcessing(keys)
        return keys === null ? { clusters: 0, memories: 0, builtAt: deps.now() } : build(deps, options, keys)
      }),
    )
    if (built === null) continue
    deps.relay.wake()
    return built
  }
  throw new AppError('write_conflict')
}

/** Null when memories were deleted meanwhile, which must not be quoted any more. */
async function build(deps: MemoryDeps, options: BuildOptions, keys: SubjectKeys): Promise<BuiltClusters | null> {
  const { place, all } = options
  const now = deps.now()
  const gathered = await deps.indexes.use(place, (index) => gatherDocuments(index, now.getTime()))
  const groups = await groupDocuments(gathered.documents)
  const [known] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [selectHashes(tx, place)])
  const before = new Map(known.map((row) => [row.id, row]))
  const plans = groups.map((group) => {
    const [id, hash] = [clusterId(keys, group), membersHash(keys, group)]
    const row = before.get(id)
    return {
      group,
      id,
      hash,
      version: (row?.version ?? 0) + 1,
      isSame: !all && row?.members_hash.equals(hash) === true,
    }
  })
  const changed = plans.filter(({ isSame }) => !isSame)
  const rows: ClusterRow[] = []
  for (let at = 0; at < changed.length; at += TOGETHER) {
    rows.push(...(await describeAll(deps, options, keys, changed.slice(at, at + TOGETHER), now)))
  }
  const ids = plans.map(({ id }) => id)
  if (!(await write(deps, options, keys, gathered, rows, ids, now))) return null
  return {
    clusters: groups.length,
    memories: groups.reduce((sum, { members }) => sum + members.length, 0),
    builtAt: now,
  }
}

interface Plan {
  readonly group: DocumentGroup
  readonly id: string
  readonly hash: Buffer
  readonly version: number
}

async function describeAll(
  deps: MemoryDeps,
  { place, context }: BuildOptions,
  keys: SubjectKeys,
  plans: readonly Plan[],
  now: Date,
): Promise<ClusterRow[]> {
  const sourcesOf = ({ group }: Plan) => group.members.slice(-SOURCES).map(({ id }) => id)
  const memories = await readMemories(deps, context, place, plans.flatMap(sourcesOf))
  return Promise.all(
    plans.map(async (plan): Promise<ClusterRow> => {
      const { group, id, hash, version } = plan
      const own = sourcesOf(plan).flatMap((source) => memories.get(source) ?? [])
      const parts = await describeCluster(group, own.toSorted(compareTimes))
      return {
        id,
        namespace: group.namespace,
        version,
        memories: group.members.length,
        latest_at: new Date(group.members.reduce((latest, { occurredAt }) => Math.max(latest, occurredAt), -Infinity)),
        built_at: now,
        members_hash: hash,
        sealed: sealCluster(keys, { ...place, id, version }, parts),
      }
    }),
  )
}

/** Memories of the subject that may be quoted. */
async function readMemories(
  deps: MemoryDeps,
  { caller }: RequestContext,
  place: SubjectPlace,
  ids: readonly string[],
): Promise<Map<string, Memory>> {
  const [rows] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [selectMemories(tx, place.tenantId, ids)])
  const standing = await standingOf(deps, { ...caller, subjects: '*', namespaces: '*' }, place, ids)
  const memories = await openRows(
    deps,
    rows.filter(({ id }) => standing(id) > 0),
  )
  return new Map<string, Memory>(memories.map((memory) => [memory.id, memory]))
}

function compareTimes(one: Memory, other: Memory): number {
  return Date.parse(one.occurred_at) - Date.parse(other.occurred_at) || one.seq - other.seq
}

/** False, and nothing written, when memories were deleted since they were gathered. */
function write(
  deps: MemoryDeps,
  { place, context, all }: BuildOptions,
  keys: SubjectKeys,
  { change, validUntil }: GatheredDocuments,
  rows: readonly ClusterRow[],
  ids: readonly string[],
  now: Date,
): Promise<boolean> {
  const lock = { subjectId: place.subjectId, keyVersion: keys.content.current().id, consent: 'not_withdrawn' as const }
  return tenantTransaction(deps.sql, scopeOfIndex(place), async (tx) => {
    const [, deletions, [state]] = await Promise.all([
      lockSubjects(tx, place.tenantId, [lock]),
      selectDeletionsAfter(tx, place, change),
      selectState(tx, place),
    ])
    if (deletions.length > 0) return false
    // Another process knows more.
    if ((state?.change ?? 0) > change) return true
    const next: ClusterState = { change, valid_until: validUntil === Infinity ? null : new Date(validUntil) }
    const details = { change, clusters: ids.length, written: rows.length, reason: all ? 'asked' : 'changed' }
    const told = deps.events({
      type: 'cluster.rebuilt',
      context,
      resourceId: place.subjectId,
      statusCode: 200,
      details,
    })
    await Promise.all([
      removeOthers(tx, place, ids),
      ...(rows.length === 0 ? [] : [upsertClusters(tx, place, rows)]),
      upsertState(tx, place, next, now),
      outboxInsert(tx, [told]),
    ])
    return true
  })
}

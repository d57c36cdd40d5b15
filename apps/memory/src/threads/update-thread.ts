import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { UpdateThread } from '@memoric/contracts/thread-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { requireConsent } from '../privacy/require-consent.ts'
import { findThread, type FoundThread } from './find-thread.ts'
import { selectThreads, type ThreadRow, upsertThread } from './thread-repository.ts'
import { threadView, titleOf } from './thread-view.ts'
import { sealTitle } from './title-box.ts'

type Update = RouteTable['updateThread']

type ThreadChange = 'thread.renamed' | 'thread.archived' | 'thread.unarchived'

/** Gives a thread a title, or archives it. Throws as findThread, and as requireConsent. */
export async function updateThread(deps: MemoryDeps, call: Call<Update>): Promise<RouteOutput<Update>> {
  const { params, body, context } = call
  const { caller } = context
  const found = await findThread(deps, caller, params.id, body)
  const { tenantId, subjectId } = found.place
  await requireConsent(deps, caller, subjectId)
  const view = await withFreshKeys(deps, { tenant_id: caller.tenantId, subject_id: subjectId }, () =>
    deps.keys.forWriting(tenantId, subjectId, (keys) =>
      tenantTransaction(deps.sql, scopeOf(caller), async (tx) => {
        const row = await change(tx, deps, context, found, keys, body)
        return threadView(keys, found.place, found.facts, row)
      }),
    ),
  )
  deps.relay.wake()
  return { status: 200, body: view }
}

async function change(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  { place, facts }: FoundThread,
  keys: SubjectKeys,
  asked: UpdateThread,
): Promise<ThreadRow | undefined> {
  const lock = {
    subjectId: place.subjectId,
    keyVersion: keys.content.current().id,
    consent: consentFor(context.caller),
  }
  const [, [before]] = await Promise.all([lockSubjects(tx, place.tenantId, [lock]), selectThreads(tx, place, [facts])])
  const title = titleOf(keys, place, before)
  const next = { title: asked.title === undefined ? title : asked.title, archivedAt: archivedAt(deps, before, asked) }
  const changes: ThreadChange[] = []
  if (next.title !== title) changes.push('thread.renamed')
  if ((next.archivedAt === null) !== ((before?.archived_at ?? null) === null)) {
    changes.push(next.archivedAt === null ? 'thread.unarchived' : 'thread.archived')
  }
  if (changes.length === 0) return before
  const identity = { id: before?.id ?? uuidV7(), version: (before?.version ?? 0) + 1 }
  const row: ThreadRow = {
    ...identity,
    namespace: facts.namespace,
    thread_id: facts.threadId,
    archived_at: next.archivedAt,
    updated_at: deps.now(),
    sealed: next.title === null ? null : sealTitle(keys, { ...place, ...identity }, next.title),
  }
  const details = { subject_id: place.subjectId, namespace: facts.namespace, version: row.version }
  const told = changes.map((type) =>
    deps.events({ type, context, resourceId: facts.threadId, statusCode: 200, details }),
  )
  await Promise.all([upsertThread(tx, place, row), outboxInsert(tx, told)])
  return row
}

function archivedAt(deps: MemoryDeps, before: ThreadRow | undefined, { archived }: UpdateThread): Date | null {
  const known = before?.archived_at ?? null
  if (archived === undefined) return known
  return archived ? (known ?? deps.now()) : null
}

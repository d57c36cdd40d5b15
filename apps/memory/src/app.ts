import type { ErrorCode } from '@memoric/contracts/error-codes.ts'
import { ROUTES_OF_MEMORY } from '@memoric/contracts/routes-of-memory.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { outboxGauges } from '@memoric/postgres/outbox-gauges.ts'
import { errorCode, isUnavailable } from '@memoric/postgres/database-error.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { useCaller } from '@memoric/service/caller-plugin.ts'
import { createServer } from '@memoric/service/create-server.ts'
import { useHealth } from '@memoric/service/health-plugin.ts'
import { implementRoutes } from '@memoric/service/implement-routes.ts'
import { useMetrics } from '@memoric/service/metrics-plugin.ts'
import type { FastifyInstance } from 'fastify'
import type { MemoryConfig } from './config.ts'
import type { RunningDeps } from './deps.ts'
import { listClusters } from './clusters/list-clusters.ts'
import { rebuildClusters } from './clusters/rebuild-clusters.ts'
import { consolidationHandlers } from './consolidations/consolidation-routes.ts'
import { makeContext } from './context/make-context.ts'
import { edgeHandlers } from './edges/edge-routes.ts'
import { decisionHandlers } from './decisions/decision-routes.ts'
import { embeddingCounters, embeddingGauges } from './embeddings/embedding-metrics.ts'
import { enrichmentCounters, enrichmentGauges } from './enrichment/enrichment-metrics.ts'
import { capsuleHandlers } from './capsules/capsule-routes.ts'
import { editHandlers } from './edits/edit-routes.ts'
import { exportHandlers } from './exports/export-routes.ts'
import { handoffHandlers } from './handoffs/handoff-routes.ts'
import { getIdentity } from './identity/get-identity.ts'
import { canUnwrapKeys } from './keys/check-encryption-key.ts'
import { ERASING } from './keys/key-repository.ts'
import { keyHandlers } from './keys/key-rotations.ts'
import { knowledgeHandlers } from './knowledge/knowledge-routes.ts'
import { STALE_KEY } from './memories/subject-lock-repository.ts'
import { memoryHandlers } from './memories/memory-routes.ts'
import { mergeHandlers } from './merging/merge-routes.ts'
import { personHandlers } from './persons/person-routes.ts'
import { policyHandlers } from './policies/policy-routes.ts'
import { getQuotas } from './quotas/get-quotas.ts'
import { CONSENT_WITHDRAWN, NO_CONSENT } from './privacy/consent-rules.ts'
import { consentHandlers } from './privacy/consents.ts'
import { erasureHandlers } from './privacy/erase-subject.ts'
import { useReceiptKey } from './privacy/receipt-key-route.ts'
import { searchMemories } from './search/search-memories.ts'
import { taskHandlers } from './tasks/task-routes.ts'
import { threadHandlers } from './threads/thread-routes.ts'
import { listTiers } from './tiers/list-tiers.ts'
import { wakeUp } from './wake-up/wake-up.ts'

/** The HTTP server of the memory service. */
export async function buildApp(config: MemoryConfig, deps: RunningDeps): Promise<FastifyInstance> {
  const app = await createServer({ log: deps.log, internal: true, mapError })
  useHealth(app, {
    token: config.METRICS_TOKEN,
    checks: { database: () => deps.sql`select 1`, keys: () => canUnwrapKeys(deps) },
    lesserChecks: { nats: () => deps.messaging.isHealthy() },
  })
  useMetrics(app, {
    app: 'memory',
    token: config.METRICS_TOKEN,
    gauges: {
      ...outboxGauges(deps.relay),
      memoric_tenant_keys_to_rewrap: {
        help: 'Keys of tenants that an older key encryption key wraps, when they were last looked at',
        read: () => deps.rewrapping.waiting(),
      },
      memoric_key_rotations_running: { help: 'Rotations of keys that run', read: () => deps.rotations.running() },
      memoric_erasures_running: { help: 'Erasures that are not finished', read: () => deps.erasures.running() },
      memoric_index_bytes: { help: 'Bytes of search indexes in memory', read: () => deps.indexes.bytes() },
      ...embeddingGauges(deps.embeddings),
      ...enrichmentGauges(deps.enricher),
      memoric_expired_memories_waiting: {
        help: 'Memories whose time is over and that are not removed yet',
        read: () => deps.expiry.waiting(),
      },
    },
    counters: {
      memoric_memories_expired_total: {
        help: 'Memories that were removed at the end of their time',
        labelNames: [],
        read: () => [{ labels: {}, value: deps.expiry.removed() }],
      },
      ...embeddingCounters(deps.embeddings),
      ...enrichmentCounters(deps.enricher),
      memoric_policy_runs_total: {
        help: 'Runs of policies that this process ended',
        labelNames: ['state'],
        read: () => [
          { labels: { state: 'done' }, value: deps.policyRuns.totals().done },
          { labels: { state: 'failed' }, value: deps.policyRuns.totals().failed },
        ],
      },
      memoric_policy_memories_total: {
        help: 'Memories that runs of policies looked at in this process',
        labelNames: [],
        read: () => [{ labels: {}, value: deps.policyRuns.totals().memories }],
      },
      memoric_idempotent_replays_total: {
        help: 'Requests that were answered again as before',
        labelNames: [],
        read: () => [{ labels: {}, value: deps.idempotency.replays() }],
      },
      memoric_quota_refusals_total: {
        help: 'Memories and changes that did not fit into a quota',
        labelNames: ['quota'],
        read: () => [...deps.quotas.refusals()].map(([quota, value]) => ({ labels: { quota }, value })),
      },
    },
  })
  await app.register((scope, _options, done) => {
    useCaller(scope, {
      audience: 'memory',
      serviceKeyHashes: config.SERVICE_KEY_HASHES,
      serviceKeyHashesFile: config.SERVICE_KEY_HASHES_FILE,
    })
    useReceiptKey(scope, deps.receiptKeys)
    implementRoutes(scope, ROUTES_OF_MEMORY, {
      ...memoryHandlers(deps),
      ...keyHandlers(deps),
      ...erasureHandlers(deps),
      ...consentHandlers(deps),
      ...exportHandlers(deps),
      getQuotas: (call) => getQuotas(deps, call),
      searchMemories: (call) => searchMemories(deps, call),
      makeContext: (call) => makeContext(deps, call),
      ...threadHandlers(deps),
      listTiers: (call) => listTiers(deps, call),
      listClusters: (call) => listClusters(deps, call),
      rebuildClusters: (call) => rebuildClusters(deps, call),
      ...policyHandlers(deps),
      ...handoffHandlers(deps),
      ...knowledgeHandlers(deps),
      ...decisionHandlers(deps),
      ...taskHandlers(deps),
      ...personHandlers(deps),
      ...consolidationHandlers(deps),
      ...mergeHandlers(deps),
      ...edgeHandlers(deps),
      ...editHandlers(deps),
      ...capsuleHandlers(deps),
      getIdentity: (call) => getIdentity(deps, call),
      wakeUp: (call) => wakeUp(deps, call),
    })
    done()
  })
  return app
}

/** The key that something was sealed with cannot be had: nobody gets ciphertext for an answer, or a server error. */
const KEYS_AWAY: ReadonlySet<string> = new Set(['kek_unavailable', 'unknown_key', 'destroyed_key'])

/** What statements refuse by themselves. */
const REFUSALS: ReadonlyMap<string, ErrorCode> = new Map([
  [STALE_KEY, 'write_conflict'],
  [ERASING, 'erasure_running'],
  [CONSENT_WITHDRAWN, 'consent_withdrawn'],
  [NO_CONSENT, 'consent_required'],
])

function mapError(error: unknown): AppError | undefined {
  const refusal = REFUSALS.get(errorCode(error) ?? '')
  if (refusal !== undefined) return new AppError(refusal, { cause: error })
  const isAway = isUnavailable(error) || (error instanceof CryptoError && KEYS_AWAY.has(error.code))
  return isAway ? new AppError('service_unavailable', { cause: error, retryAfter: 1 }) : undefined
}

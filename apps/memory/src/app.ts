import { CryptoError } from '@memoric/crypto/errors.ts'
import { outboxGauges } from '@memoric/postgres/outbox-gauges.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { useCaller } from '@memoric/service/caller-plugin.ts'
import { createServer } from '@memoric/service/create-server.ts'
import { useHealth } from '@memoric/service/health-plugin.ts'
import { implementRoutes } from '@memoric/service/implement-routes.ts'
import { useMetrics } from '@memoric/service/metrics-plugin.ts'
import type { FastifyInstance } from 'fastify'
import type { MemoryConfig } from './config.ts'
import type { RunningDeps } from './deps.ts'
import { canUnwrapKeys } from './keys/check-encryption-key.ts'
import { keyHandlers } from './keys/key-rotations.ts'
import { memoryHandlers } from './memories/memory-routes.ts'
import { searchMemories } from './search/search-memories.ts'

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
      memoric_key_rotations_running: { help: 'Rotations of keys that run', read: () => deps.rotations.running() },
      memoric_index_bytes: { help: 'Bytes of search indexes in memory', read: () => deps.indexes.bytes() },
    },
  })
  await app.register((scope, _options, done) => {
    useCaller(scope, {
      audience: 'memory',
      serviceKeyHashes: config.SERVICE_KEY_HASHES,
      serviceKeyHashesFile: config.SERVICE_KEY_HASHES_FILE,
    })
    implementRoutes(scope, 'memory', {
      ...memoryHandlers(deps),
      ...keyHandlers(deps),
      searchMemories: (call) => searchMemories(deps, call),
    })
    done()
  })
  return app
}

/** The key that something was sealed with cannot be had: nobody gets ciphertext for an answer, or a server error. */
const KEYS_AWAY: ReadonlySet<string> = new Set(['kek_unavailable', 'unknown_key', 'destroyed_key'])

function mapError(error: unknown): AppError | undefined {
  const isAway = isUnavailable(error) || (error instanceof CryptoError && KEYS_AWAY.has(error.code))
  return isAway ? new AppError('service_unavailable', { cause: error, retryAfter: 1 }) : undefined
}

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
      memoric_index_bytes: { help: 'Bytes of search indexes in memory', read: () => deps.indexes.bytes() },
    },
  })
  await app.register((scope, _options, done) => {
    useCaller(scope, { audience: 'memory', serviceKeyHashes: config.SERVICE_KEY_HASHES })
    implementRoutes(scope, 'memory', {
      ...memoryHandlers(deps),
      searchMemories: (call) => searchMemories(deps, call),
    })
    done()
  })
  return app
}

function mapError(error: unknown): AppError | undefined {
  return isUnavailable(error) ? new AppError('service_unavailable', { cause: error, retryAfter: 1 }) : undefined
}

import { errorCode, isUnavailable, SQLSTATE } from '@memoric/postgres/database-error.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { useCaller } from '@memoric/service/caller-plugin.ts'
import { createServer } from '@memoric/service/create-server.ts'
import { type Check, useHealth } from '@memoric/service/health-plugin.ts'
import { implementRoutes } from '@memoric/service/implement-routes.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { type MetricsOptions, useMetrics } from '@memoric/service/metrics-plugin.ts'
import type { FastifyInstance } from 'fastify'
import type { AuditConfig } from './config.ts'
import { listAuditLogs, type ListDeps } from './log/list-audit-logs.ts'

export interface AppDeps extends ListDeps {
  readonly log: Logger
  readonly checks: Readonly<Record<string, Check>>
  readonly lesserChecks: Readonly<Record<string, Check>>
  readonly gauges: NonNullable<MetricsOptions['gauges']>
}

type AppConfig = Pick<AuditConfig, 'METRICS_TOKEN' | 'SERVICE_KEY_HASHES' | 'SERVICE_KEY_HASHES_FILE'>

/** The HTTP side of the audit service. */
export async function buildApp(config: AppConfig, deps: AppDeps): Promise<FastifyInstance> {
  const app = await createServer({ log: deps.log, internal: true, mapError: toCallers })
  useHealth(app, { checks: deps.checks, lesserChecks: deps.lesserChecks, token: config.METRICS_TOKEN })
  useMetrics(app, { app: 'audit', token: config.METRICS_TOKEN, gauges: deps.gauges })
  await app.register((scope, _options, done) => {
    useCaller(scope, {
      audience: 'audit',
      serviceKeyHashes: config.SERVICE_KEY_HASHES,
      serviceKeyHashesFile: config.SERVICE_KEY_HASHES_FILE,
    })
    implementRoutes(scope, 'audit', { listAuditLogs: (call) => listAuditLogs(deps, call) })
    done()
  })
  return app
}

function toCallers(error: unknown): AppError | undefined {
  if (isUnavailable(error)) return new AppError('service_unavailable', { retryAfter: 1, cause: error })
  if (errorCode(error) !== SQLSTATE.queryCanceled) return undefined
  const detail = 'The search took too long; from and to make it shorter.'
  return new AppError('service_unavailable', { retryAfter: 1, detail, cause: error })
}

import { ROUTES_OF_AUDIT } from '@memoric/contracts/routes-of-audit.ts'
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
import { useAuditKey } from './checkpoints/audit-key-route.ts'
import { getAuditCheckpoint } from './proofs/get-audit-checkpoint.ts'
import { getAuditConsistency } from './proofs/get-audit-consistency.ts'
import { getAuditProof, getAuditProofFile, type ProofDeps } from './proofs/get-audit-proof.ts'
import { getAuditRetention, type RetentionDeps, setAuditRetention } from './retention/retention-settings.ts'
import { getAlert, listAlerts } from './alerts/read-alerts.ts'
import { updateAlert } from './alerts/update-alert.ts'
import { type AlertMailDeps, confirmAlertMail, getAlertMail, setAlertMail } from './deliveries/alert-mail.ts'
import {
  createAlertWebhook,
  deleteAlertWebhook,
  listAlertWebhooks,
  rotateAlertWebhook,
  testAlertWebhook,
  type WebhookDeps,
} from './deliveries/manage-webhooks.ts'
import { listDetections, updateDetection } from './detections/detection-settings.ts'
import { listDeadLetters, replayDeadLetter } from './dead-letters/dead-letter-routes.ts'
import type { ReplayDeps } from './dead-letters/replay-letter.ts'
import { exportAuditLogs } from './exports/export-audit-logs.ts'
import { getAuditStatistics } from './statistics/get-audit-statistics.ts'
import { listAuditLogs, type ListDeps } from './log/list-audit-logs.ts'

export interface AppDeps extends ListDeps, WebhookDeps, AlertMailDeps, ProofDeps, RetentionDeps, ReplayDeps {
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
  useAuditKey(app, deps)
  await app.register((scope, _options, done) => {
    useCaller(scope, {
      audience: 'audit',
      serviceKeyHashes: config.SERVICE_KEY_HASHES,
      serviceKeyHashesFile: config.SERVICE_KEY_HASHES_FILE,
    })
    implementRoutes(scope, ROUTES_OF_AUDIT, {
      listAuditLogs: (call) => listAuditLogs(deps, call),
      exportAuditLogs: (call) => exportAuditLogs(deps, call),
      getAuditStatistics: (call) => getAuditStatistics(deps, call),
      listAlerts: (call) => listAlerts(deps, call),
      getAlert: (call) => getAlert(deps, call),
      updateAlert: (call) => updateAlert(deps, call),
      listDetections: (call) => listDetections(deps, call),
      updateDetection: (call) => updateDetection(deps, call),
      createAlertWebhook: (call) => createAlertWebhook(deps, call),
      listAlertWebhooks: (call) => listAlertWebhooks(deps, call),
      deleteAlertWebhook: (call) => deleteAlertWebhook(deps, call),
      rotateAlertWebhook: (call) => rotateAlertWebhook(deps, call),
      testAlertWebhook: (call) => testAlertWebhook(deps, call),
      getAlertMail: (call) => getAlertMail(deps, call),
      setAlertMail: (call) => setAlertMail(deps, call),
      confirmAlertMail: (call) => confirmAlertMail(deps, call),
      getAuditCheckpoint: () => getAuditCheckpoint(deps),
      getAuditProof: (call) => getAuditProof(deps, call),
      getAuditProofFile: (call) => getAuditProofFile(deps, call),
      getAuditConsistency: (call) => getAuditConsistency(deps, call),
      getAuditRetention: (call) => getAuditRetention(deps, call),
      listDeadLetters: (call) => listDeadLetters(deps, call),
      replayDeadLetter: (call) => replayDeadLetter(deps, call),
      setAuditRetention: (call) => setAuditRetention(deps, call),
    })
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

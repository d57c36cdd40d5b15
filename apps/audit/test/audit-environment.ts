import { randomBytes } from 'node:crypto'
import { createServiceKey, hashServiceKeySecret } from '@memoric/crypto/service-key.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { buildApp } from '../src/app.ts'
import { auditConfig } from '../src/config.ts'
import { createDeps } from '../src/deps.ts'
import { appUrl } from './audit-database.ts'
import { personalDataSecret } from './make-event.ts'

export const serviceKey = createServiceKey('gateway')
export const METRICS_TOKEN = 'a-token-for-tests'

interface Servers {
  /** Superuser's URL of the database. */
  readonly adminUrl: string
  readonly nats: { readonly url: string; password(user: 'audit'): string }
}

/** The variables of an audit service on these servers. */
export function auditEnvironment({ adminUrl, nats }: Servers): Record<string, string> {
  return {
    NODE_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    METRICS_TOKEN,
    DATABASE_URL: appUrl(adminUrl),
    NATS_URL: nats.url,
    NATS_USER: 'audit',
    NATS_PASSWORD: nats.password('audit'),
    MEMORIC_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PERSONAL_DATA_KEY: personalDataSecret.toString('base64'),
    SERVICE_KEY_HASHES: JSON.stringify({ gateway: hashServiceKeySecret(serviceKey.secret).toString('hex') }),
  }
}

/** A whole audit service in this process. */
export async function startAudit(environment: Record<string, string>) {
  const config = loadConfig(auditConfig, environment)
  const deps = await createDeps(config, createLogger({ app: 'audit', level: config.LOG_LEVEL }))
  const app = await buildApp(config, deps)
  return {
    app,
    deps,
    async readiness() {
      const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
      return (await app.inject({ url: '/ready', headers })).json<{ status: string; checks: Record<string, string> }>()
    },
    async close() {
      await app.close()
      await deps.closer.close()
    },
  }
}

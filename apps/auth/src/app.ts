import { CryptoError } from '@memoric/crypto/errors.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { useCaller } from '@memoric/service/caller-plugin.ts'
import { createServer } from '@memoric/service/create-server.ts'
import { useHealth } from '@memoric/service/health-plugin.ts'
import { implementRoutes } from '@memoric/service/implement-routes.ts'
import { useMetrics } from '@memoric/service/metrics-plugin.ts'
import type { FastifyInstance } from 'fastify'
import { me } from './accounts/me.ts'
import { register } from './accounts/register.ts'
import { createApiKey } from './api-keys/create-api-key.ts'
import { getApiKey, listApiKeys } from './api-keys/read-api-keys.ts'
import { revokeApiKey } from './api-keys/revoke-api-key.ts'
import type { AuthConfig } from './config.ts'
import type { Deps } from './deps.ts'
import { useIntrospection } from './introspection/introspect-route.ts'
import { outboxGauges } from '@memoric/postgres/outbox-gauges.ts'
import { login } from './sessions/login.ts'
import { logout } from './sessions/logout.ts'
import { refresh } from './sessions/refresh.ts'
import { useJwks } from './signing-keys/jwks-route.ts'

/** The server of auth; it listens to nothing yet. */
export async function buildApp(config: AuthConfig, deps: Deps): Promise<FastifyInstance> {
  const app = await createServer({ log: deps.log, internal: true, mapError })
  useHealth(app, {
    checks: { database: () => deps.sql`select 1` },
    lesserChecks: { nats: () => deps.messaging.isHealthy() },
    token: config.METRICS_TOKEN,
  })
  useMetrics(app, { app: 'auth', token: config.METRICS_TOKEN, gauges: outboxGauges(deps.relay) })
  useJwks(app, deps.accessTokens)
  await app.register((scope, _options, done) => {
    useCaller(scope, { audience: 'auth', serviceKeyHashes: config.SERVICE_KEY_HASHES })
    useIntrospection(scope, deps)
    useRoutes(scope, deps)
    done()
  })
  return app
}

function useRoutes(app: FastifyInstance, deps: Deps): void {
  implementRoutes(app, 'auth', {
    register: register(deps),
    login: login(deps),
    refresh: refresh(deps),
    logout: logout(deps),
    me: me(deps),
    createApiKey: createApiKey(deps),
    listApiKeys: listApiKeys(deps),
    getApiKey: getApiKey(deps),
    revokeApiKey: revokeApiKey(deps),
  })
}

function mapError(error: unknown): AppError | undefined {
  if (isUnavailable(error)) return new AppError('service_unavailable', { retryAfter: 1, cause: error })
  if (error instanceof CryptoError && error.code === 'busy') return new AppError('overloaded', { retryAfter: 1 })
  return undefined
}

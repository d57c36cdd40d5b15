import { ROUTES_OF_AUTH } from '@memoric/contracts/routes-of-auth.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { useCaller } from '@memoric/service/caller-plugin.ts'
import { createServer } from '@memoric/service/create-server.ts'
import { useHealth } from '@memoric/service/health-plugin.ts'
import { implementRoutes } from '@memoric/service/implement-routes.ts'
import { useMetrics } from '@memoric/service/metrics-plugin.ts'
import type { FastifyInstance } from 'fastify'
import { changePassword } from './passwords/change-password.ts'
import { forgotPassword } from './passwords/forgot-password.ts'
import { resetPassword } from './passwords/reset-password.ts'
import { verifyEmail } from './accounts/verify-email.ts'
import { resendVerification } from './accounts/resend-verification.ts'
import { getSession, listSessions } from './sessions/read-sessions.ts'
import { revokeSession, revokeOtherSessions } from './sessions/revoke-sessions.ts'
import { enrollTotp } from './totp/enroll-totp.ts'
import { confirmTotp } from './totp/confirm-totp.ts'
import { disableTotp } from './totp/disable-totp.ts'
import { createSsoProvider } from './sso/create-sso-provider.ts'
import { listSsoProviders } from './sso/list-sso-providers.ts'
import { updateSsoProvider } from './sso/update-sso-provider.ts'
import { deleteSsoProvider } from './sso/delete-sso-provider.ts'
import { startSso } from './sso/start-sso.ts'
import { finishSso } from './sso/finish-sso.ts'
import { createUser } from './members/create-user.ts'
import { listUsers, getUser } from './members/read-users.ts'
import { updateUser } from './members/update-user.ts'
import { removeUser } from './members/remove-user.ts'
import { revokeUserSessions } from './members/revoke-user-sessions.ts'
import { resetUserTotp } from './members/reset-user-totp.ts'
import { createInvitation } from './members/invite.ts'
import { listInvitations } from './members/read-invitations.ts'
import { revokeInvitation } from './members/revoke-invitation.ts'
import { acceptInvitation } from './members/accept-invitation.ts'
import { getTenant } from './tenants/get-tenant.ts'
import { updateTenant } from './tenants/update-tenant.ts'
import { contain } from './tenants/contain.ts'
import { rotateApiKey } from './api-keys/rotate-api-key.ts'
import { reportLeak } from './api-keys/report-leak.ts'
import { issueToken } from './tokens/issue-token.ts'
import { me } from './accounts/me.ts'
import { register } from './accounts/register.ts'
import { createApiKey } from './api-keys/create-api-key.ts'
import { getApiKey, listApiKeys } from './api-keys/read-api-keys.ts'
import { revokeApiKey } from './api-keys/revoke-api-key.ts'
import type { AuthConfig } from './config.ts'
import type { Deps } from './deps.ts'
import { useIntrospection } from './introspection/introspect-route.ts'
import { outboxGauges } from '@memoric/postgres/outbox-gauges.ts'
import { useGatewayEvents } from './gateway-events/gateway-events-route.ts'
import { useRefusals } from './refusals/refusals-route.ts'
import { mailGauges } from './mail/mail-gauges.ts'
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
  useMetrics(app, {
    app: 'auth',
    token: config.METRICS_TOKEN,
    gauges: { ...outboxGauges(deps.relay), ...mailGauges(deps.mail) },
  })
  useJwks(app, deps)
  await app.register((scope, _options, done) => {
    useCaller(scope, {
      audience: 'auth',
      serviceKeyHashes: config.SERVICE_KEY_HASHES,
      serviceKeyHashesFile: config.SERVICE_KEY_HASHES_FILE,
    })
    useIntrospection(scope, deps)
    useRefusals(scope, deps)
    useGatewayEvents(scope, deps)
    useRoutes(scope, deps)
    done()
  })
  return app
}

function useRoutes(app: FastifyInstance, deps: Deps): void {
  implementRoutes(app, ROUTES_OF_AUTH, {
    register: register(deps),
    login: login(deps),
    refresh: refresh(deps),
    logout: logout(deps),
    me: me(deps),
    createApiKey: createApiKey(deps),
    listApiKeys: listApiKeys(deps),
    getApiKey: getApiKey(deps),
    revokeApiKey: revokeApiKey(deps),
    changePassword: changePassword(deps),
    forgotPassword: forgotPassword(deps),
    resetPassword: resetPassword(deps),
    verifyEmail: verifyEmail(deps),
    resendVerification: resendVerification(deps),
    listSessions: listSessions(deps),
    getSession: getSession(deps),
    revokeSession: revokeSession(deps),
    revokeOtherSessions: revokeOtherSessions(deps),
    enrollTotp: enrollTotp(deps),
    confirmTotp: confirmTotp(deps),
    disableTotp: disableTotp(deps),
    createSsoProvider: createSsoProvider(deps),
    listSsoProviders: listSsoProviders(deps),
    updateSsoProvider: updateSsoProvider(deps),
    deleteSsoProvider: deleteSsoProvider(deps),
    startSso: startSso(deps),
    finishSso: finishSso(deps),
    createUser: createUser(deps),
    listUsers: listUsers(deps),
    getUser: getUser(deps),
    updateUser: updateUser(deps),
    removeUser: removeUser(deps),
    revokeUserSessions: revokeUserSessions(deps),
    resetUserTotp: resetUserTotp(deps),
    createInvitation: createInvitation(deps),
    listInvitations: listInvitations(deps),
    revokeInvitation: revokeInvitation(deps),
    acceptInvitation: acceptInvitation(deps),
    getTenant: getTenant(deps),
    updateTenant: updateTenant(deps),
    contain: contain(deps),
    rotateApiKey: rotateApiKey(deps),
    reportLeak: reportLeak(deps),
    issueToken: issueToken(deps),
  })
}

function mapError(error: unknown): AppError | undefined {
  if (isUnavailable(error)) return new AppError('service_unavailable', { retryAfter: 1, cause: error })
  if (error instanceof CryptoError && error.code === 'busy') return new AppError('overloaded', { retryAfter: 1 })
  return undefined
}

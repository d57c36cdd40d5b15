import { ERRORS } from '@memoric/contracts/error-codes.ts'
import { isUniqueViolation } from '@memoric/postgres/database-error.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { createAddressCheck } from '@memoric/service/client-networks.ts'
import { userView } from '../accounts/account-views.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tokenPair } from '../sessions/token-pair.ts'
import { tenantScope } from '../tenant-scope.ts'
import { requiredActions } from '../tenants/required-actions.ts'
import { exchangeCode } from './exchange-code.ts'
import { type SignedIn, signInMember } from './sign-in-member.ts'
import { findSignInProvider, type SignInProvider } from './sign-in-provider.ts'
import { finishAttempt, type SsoAttempt } from './sso-attempt.ts'
import { type SignInPlace, ssoFailed } from './sso-events.ts'
import { asSsoRefused, SsoRefused } from './sso-refused.ts'
import { vouchedPerson, type VouchedPerson } from './vouched-person.ts'

type Input = Parameters<Handler<'finishSso'>>[0]

/** Signs in the person whom an identity provider sends back. */
export function finishSso(deps: Deps): Handler<'finishSso'> {
  return async (input) => {
    const provider = await findSignInProvider(deps, input.params.provider)
    const place = { tenantId: provider.tenantId, providerId: provider.id, context: input.context }
    try {
      const { tenantId } = provider
      const { cookie, ...signedIn } = await deps.identityProviders.wait(tenantId, () =>
        finish(deps, provider, place, input),
      )
      return { status: 200, body: await answer(deps, provider, signedIn), headers: headersWith(cookie) }
    } catch (error) {
      throw await told(deps, place, error)
    }
  }
}

function headersWith(cookie: string) {
  return { 'set-cookie': cookie, 'cache-control': 'no-store' }
}

async function finish(
  deps: Deps,
  provider: SignInProvider,
  place: SignInPlace,
  { query, headers }: Input,
): Promise<SignedIn & { readonly cookie: string }> {
  const attempt = await finishAttempt(deps, provider, { state: query.state, cookieHeader: headers.cookie })
  if (attempt === null) throw new SsoRefused('unknown_attempt')
  const person = await askProvider(deps, provider, attempt, query)
  requireAllowedAddress(provider, place, person)
  const scope = tenantScope(provider.tenantId)
  const signedIn = await tenantTransaction(deps.sql, scope, (tx) =>
    signInMember(tx, deps, provider, person, place),
  ).catch((error: unknown) => {
    // An administrator has just added a member with this address.
    throw isUniqueViolation(error) ? new AppError('write_conflict', { cause: error }) : error
  })
  deps.relay.wake()
  announceRevoked(deps, signedIn.announce)
  return { ...signedIn, cookie: attempt.cookie }
}

async function askProvider(
  deps: Deps,
  provider: SignInProvider,
  attempt: SsoAttempt,
  query: Input['query'],
): Promise<VouchedPerson> {
  if (query.error !== undefined) {
    throw new SsoRefused('provider_refused', { details: { error: shownError(query.error) } })
  }
  const { settings, redirectUri } = provider
  const client = await deps.identityProviders.client(provider)
  return vouchedPerson(await exchangeCode(client, redirectUri, query, attempt, settings), settings)
}

/** Error codes are words (RFC 6749 section 4.1.2.1); anything else is not repeated. */
function shownError(error: string): string {
  return /^[a-z_]{1,64}$/.test(error) ? error : 'other'
}

function requireAllowedAddress(
  { tenantSettings }: SignInProvider,
  { context }: SignInPlace,
  person: VouchedPerson,
): void {
  const { ip_allow } = tenantSettings
  const isAllowed = createAddressCheck(ip_allow === null ? [] : [ip_allow])
  if (isAllowed === null || isAllowed(context.caller.clientAddress)) return
  throw new SsoRefused('address_not_allowed', { code: 'address_not_allowed', email: person.email })
}

async function answer(deps: Deps, { tenantSettings }: SignInProvider, { user, session }: Omit<SignedIn, 'announce'>) {
  const { role, totp_confirmed_at: confirmedAt, password_stands_alone: standsAlone } = user
  const judged = { role, method: session.method, hasTotp: confirmedAt !== null, standsAlone }
  return {
    ...(await tokenPair(deps.accessTokens, session)),
    user: userView(deps.keys.personal, user),
    required_actions: requiredActions(tenantSettings, judged),
  }
}

/** Writes a refusal into the log of the tenant; gives what the caller may know. */
async function told(deps: Deps, place: SignInPlace, error: unknown): Promise<unknown> {
  const refused = asSsoRefused(error)
  if (refused === null) return error
  const { reason, code, facts } = refused
  const event = ssoFailed(deps.events, place, { reason, statusCode: ERRORS[code].status, ...facts })
  await tenantFlight(deps.sql, tenantScope(place.tenantId), (tx) => [outboxInsert(tx, [event])])
  deps.relay.wake()
  return new AppError(code, { cause: facts.cause })
}

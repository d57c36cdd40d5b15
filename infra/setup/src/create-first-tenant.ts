import { createdApiKey } from '@memoric/contracts/api-key-contract.ts'
import { loginAnswer, registerAnswer } from '@memoric/contracts/auth-contract.ts'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import type { FirstTenant } from './first-tenant.ts'

// What is needed of the answers.
const registered = registerAnswer.pick({ access_token: true, tenant: true })
const signedIn = loginAnswer.pick({ access_token: true, user: true })
const madeKey = createdApiKey.pick({ key: true })

const email = 'owner@memoric.local'

interface Session {
  accessToken: string
  tenantId: string
}

/** Its API key works; it was made now; or the API key of an earlier start does not work any more. */
export type FirstTenantState = 'there' | 'made' | 'key ended'

/**
 * The first tenant of an earlier start; a new one where there was none, or where its data were removed. An API key that was revoked
 * or has expired is not replaced: whoever ended it expects no other in its place.
 */
export async function ensureFirstTenant(
  url: string,
  password: string,
  known: FirstTenant | undefined,
): Promise<{ tenant: FirstTenant; state: FirstTenantState }> {
  if (known !== undefined && (await isAccepted(url, known))) return { tenant: known, state: 'there' }
  const response = await register(url, password)
  if (known !== undefined && isTaken(response)) return { tenant: known, state: 'key ended' }
  const session = isTaken(response) ? await signIn(url, password, response) : await sessionOf(response)
  return { tenant: await tenantWithKey(url, password, session), state: 'made' }
}

async function tenantWithKey(url: string, password: string, session: Session): Promise<FirstTenant> {
  const { accessToken, tenantId } = session
  const body = { name: 'local', scopes: PERMISSIONS }
  const makeKey = (more: object) =>
    post(`${url}/v1/api-keys`, { ...body, ...more }, { authorization: `Bearer ${accessToken}` })
  let response = await makeKey({ expires_in_days: 365 })
  // Keys of this installation live shorter (API_KEY_MAX_DAYS): as long as they may.
  if (response.status === 422) response = await makeKey({})
  if (response.status !== 201) throw await refused('the API key could not be made', response)
  const { key } = madeKey.parse(await response.json())
  return { tenant_id: tenantId, email, password, api_key: key }
}

/** Whether the API key of an earlier start still works (its data may have been removed, it may have expired). */
async function isAccepted(url: string, { api_key }: FirstTenant): Promise<boolean> {
  const headers = { 'x-api-key': api_key }
  const response = await fetch(`${url}/v1/auth/me`, { headers, signal: AbortSignal.timeout(30_000) })
  await response.body?.cancel()
  return response.status !== 401
}

async function register(url: string, password: string): Promise<Response> {
  const body = { email, password, tenant_name: 'Local', display_name: 'Owner' }
  return post(`${url}/v1/auth/register`, body)
}

/** The address has an account, or registration does not say whether it has one (verified) or is closed. */
function isTaken({ status }: Response): boolean {
  return status === 409 || status === 202 || status === 403
}

async function sessionOf(response: Response): Promise<Session> {
  if (response.status !== 201) throw await refused('the first tenant could not be made', response)
  const answer = registered.parse(await response.json())
  return { accessToken: answer.access_token, tenantId: answer.tenant.id }
}

/** An earlier attempt was interrupted after the registration, or a backup was restored without the file of credentials. */
async function signIn(url: string, password: string, registration: Response): Promise<Session> {
  const response = await post(`${url}/v1/auth/login`, { email, password })
  if (response.status !== 200) {
    const why = (await refused('the first tenant could not be made', registration)).message
    throw await refused(`${why}; ${email} could not sign in`, response)
  }
  const answer = signedIn.parse(await response.json())
  return { accessToken: answer.access_token, tenantId: answer.user.tenant_id }
}

async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  })
}

async function refused(what: string, response: Response): Promise<Error> {
  return new Error(`${what}: ${response.status} ${(await response.text()).slice(0, 500)}`)
}

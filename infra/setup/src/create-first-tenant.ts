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

/**
 * Makes the first tenant with its owner and an API key that may do everything in it, through the public API. If an earlier attempt
 * was interrupted after the registration, it signs in with the same password.
 */
export async function createFirstTenant(url: string, password: string): Promise<FirstTenant> {
  const { accessToken, tenantId } = (await register(url, password)) ?? (await signIn(url, password))
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
export async function isAccepted(url: string, { api_key }: FirstTenant): Promise<boolean> {
  const headers = { 'x-api-key': api_key }
  const response = await fetch(`${url}/v1/auth/me`, { headers, signal: AbortSignal.timeout(30_000) })
  await response.body?.cancel()
  return response.status !== 401
}

async function register(url: string, password: string): Promise<Session | undefined> {
  const response = await post(`${url}/v1/auth/register`, {
    email,
    password,
    tenant_name: 'Local',
    display_name: 'Owner',
  })
  if (response.status === 409) return undefined
  if (response.status !== 201) throw await refused('the first tenant could not be made', response)
  const answer = registered.parse(await response.json())
  return { accessToken: answer.access_token, tenantId: answer.tenant.id }
}

async function signIn(url: string, password: string): Promise<Session> {
  const response = await post(`${url}/v1/auth/login`, { email, password })
  if (response.status !== 200) throw await refused(`${email} could not sign in`, response)
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

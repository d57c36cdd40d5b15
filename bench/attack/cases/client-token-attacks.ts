import { createApiKey, parseApiKey } from '@memoric/crypto/api-key.ts'
import { type Attack, attacks, judged, type Outcome, refused } from '../attack.ts'
import type { Sent } from '../http-client.ts'
import { ok, type Target } from '../target.ts'

const PATH = '/v1/auth/token'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

function clientOf(key: string): { client_id: string; client_secret: string } {
  return { client_id: parseApiKey(key)?.keyId ?? '', client_secret: key }
}

function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${btoa(`${id}:${secret}`)}` }
}

const grant = { grant_type: 'client_credentials' }

/** Requests for a token that nobody may get. */
const REQUESTS: readonly (readonly [string, (target: Target) => Omit<Sent, 'path'>])[] = [
  ['no client', () => ({ body: grant })],
  ['an unknown client', () => ({ body: { ...grant, ...clientOf(createApiKey('local').text) } })],
  [
    "the victim's id with the attacker's secret",
    ({ attacker, victim }) => ({
      body: { ...grant, client_id: clientOf(victim.apiKey).client_id, client_secret: attacker.apiKey },
    }),
  ],
  [
    "the victim's id without a secret",
    ({ victim }) => ({ body: { ...grant, client_id: clientOf(victim.apiKey).client_id } }),
  ],
  [
    "the victim's id with an empty secret",
    ({ victim }) => ({ headers: basic(clientOf(victim.apiKey).client_id, ''), body: grant }),
  ],
  [
    'two clients, one in the header and one in the body',
    ({ attacker, victim }) => ({
      headers: basic(clientOf(attacker.apiKey).client_id, attacker.apiKey),
      body: { ...grant, ...clientOf(victim.apiKey) },
    }),
  ],
  [
    'a client twice in a form',
    ({ attacker, victim }) => ({
      headers: FORM,
      body: `grant_type=client_credentials&client_id=${clientOf(victim.apiKey).client_id}&client_id=${clientOf(attacker.apiKey).client_id}&client_secret=${attacker.apiKey}`,
    }),
  ],
  ['another grant', ({ attacker }) => ({ body: { grant_type: 'password', ...clientOf(attacker.apiKey) } })],
  [
    'a grant that is a list',
    ({ attacker }) => ({ body: { grant_type: ['client_credentials'], ...clientOf(attacker.apiKey) } }),
  ],
  ['administration', ({ attacker }) => ({ body: { ...grant, ...clientOf(attacker.apiKey), scope: 'admin:*' } })],
  [
    'a scope that is none',
    ({ attacker }) => ({ body: { ...grant, ...clientOf(attacker.apiKey), scope: 'memories:*' } }),
  ],
  [
    'an access token for a secret',
    ({ attacker }) => ({ body: { ...grant, client_id: attacker.userId, client_secret: attacker.accessToken } }),
  ],
  ['Basic that is no base64', () => ({ headers: { authorization: 'Basic !!!' }, body: grant })],
  ['Basic without a colon', () => ({ headers: { authorization: `Basic ${btoa('x')}` }, body: grant })],
  ['a body of 100 KB', () => ({ headers: FORM, body: `grant_type=${'x'.repeat(100_000)}` })],
]

const REVOCATION_MS = 3000

/** A token does not outlive its key. */
async function afterRevocation({ gateway, newParty }: Target): Promise<Outcome> {
  const { accessToken, apiKey, apiKeyId } = await newParty()
  const body = { ...grant, ...clientOf(apiKey) }
  const { access_token: token } = await ok<{ access_token: string }>(gateway.send({ path: PATH, body }))
  const ask = () => gateway.send({ path: '/v1/memories', headers: { authorization: `Bearer ${token}` } })
  const before = await ask()
  const headers = { authorization: `Bearer ${accessToken}` }
  await gateway.send({ method: 'DELETE', path: `/v1/api-keys/${apiKeyId}`, headers })
  const deadline = performance.now() + REVOCATION_MS
  let after = await ask()
  while (after.status === 200 && performance.now() < deadline) after = await ask()
  return judged([before, after], before.status === 200 && after.status === 401)
}

/** A token for one permission is good for no other. */
async function narrowed({ gateway, attacker }: Target): Promise<Outcome> {
  const body = { ...grant, ...clientOf(attacker.apiKey), scope: 'memories:read' }
  const { access_token: token } = await ok<{ access_token: string }>(gateway.send({ path: PATH, body }))
  const headers = { authorization: `Bearer ${token}` }
  const write = await gateway.send({ path: '/v1/memories', headers, body: { content: 'more than it may' } })
  const key = await gateway.send({ path: '/v1/api-keys', headers, body: { name: 'x', scopes: ['memories:read'] } })
  return refused(write, key)
}

export const CLIENT_TOKEN_ATTACKS: readonly Attack[] = [
  ...attacks('client credentials', REQUESTS, async (target, make) =>
    refused(await target.gateway.send({ path: PATH, method: 'POST', ...make(target) })),
  ),
  { kind: 'client credentials', name: 'a token after its key was revoked', run: afterRevocation },
  { kind: 'client credentials', name: 'a token for one permission', run: narrowed },
]

import { createApiKey, parseApiKey } from '@memoric/crypto/api-key.ts'
import { checksum62 } from '@memoric/crypto/base62.ts'
import { type Attack, attacks, judged, type Outcome, refused, refusedWith } from '../attack.ts'
import type { Answer } from '../http-client.ts'
import { ok, type Party, type Target } from '../target.ts'

/** A key with the public id of another and a secret that is made up; its checksum is right. */
function withInventedSecret(key: string): string {
  const parsed = parseApiKey(key)
  const body = `mk_local_${parsed?.keyId ?? ''}_${createApiKey('local').secret}`
  return body + checksum62(body)
}

function withInventedId(key: string): string {
  const parsed = parseApiKey(key)
  const body = `mk_local_${createApiKey('local').keyId}_${parsed?.secret ?? ''}`
  return body + checksum62(body)
}

/** Guesses at the key of the victim. */
const GUESSES: readonly (readonly [string, (victim: Party) => string])[] = [
  ['an unknown key', () => createApiKey('local').text],
  ["the victim's public id with an invented secret", ({ apiKey }) => withInventedSecret(apiKey)],
  ["the victim's secret with an invented id", ({ apiKey }) => withInventedId(apiKey)],
  ['a wrong checksum', ({ apiKey }) => apiKey.slice(0, -1) + (apiKey.endsWith('0') ? '1' : '0')],
  ['all but the last character', ({ apiKey }) => apiKey.slice(0, -1)],
  ['one character more', ({ apiKey }) => `${apiKey}0`],
  ['capital letters', ({ apiKey }) => apiKey.toUpperCase()],
  ['another environment', ({ apiKey }) => apiKey.replace('mk_local_', 'mk_live_')],
  ['the public part only', ({ apiKey }) => apiKey.split('_').slice(0, 3).join('_')],
  ['the public id only', ({ apiKey }) => apiKey.split('_')[2] ?? ''],
  ['the id of the key in the database', ({ apiKeyId }) => apiKeyId],
  ['a list of keys', ({ apiKey }) => `${createApiKey('local').text}, ${apiKey}`],
  ['SQL', () => "mk_local_' or 1=1--"],
  ['a pattern', () => 'mk_local_*_*'],
  ['10 KB', () => `mk_local_${'x'.repeat(10_240)}`],
]

async function guess({ gateway, victim }: Target, text: string): Promise<Outcome> {
  const path = `/v1/memories/${victim.memoryId}`
  const asHeader = await gateway.send({ path, headers: { 'x-api-key': text } })
  const asBearer = await gateway.send({ path, headers: { authorization: `Bearer ${text}` } })
  return refusedWith(['invalid_api_key', 'invalid_token', 'headers_too_large'], asHeader, asBearer)
}

/** The right key where none is looked for. */
const MISPLACED: readonly (readonly [string, (key: string) => { path: string; headers: Record<string, string> }])[] = [
  ['in the query', (key) => ({ path: `/v1/memories?api_key=${key}&x-api-key=${key}`, headers: {} })],
  ['in a cookie', (key) => ({ path: '/v1/memories', headers: { cookie: `x-api-key=${key}; api_key=${key}` } })],
  ['in Basic', (key) => ({ path: '/v1/memories', headers: { authorization: `Basic ${btoa(`${key}:`)}` } })],
  ['with underscores', (key) => ({ path: '/v1/memories', headers: { x_api_key: key } })],
  ['beside a token', (key) => ({ path: '/v1/memories', headers: { 'x-api-key': key, authorization: 'Bearer x' } })],
  ['twice', (key) => ({ path: '/v1/memories', headers: { 'x-api-key': `${key}, ${key}` } })],
]

/** Everything that could tell an unknown key from a known one with a wrong secret. */
async function tellsNoDifference({ gateway, victim }: Target): Promise<Outcome> {
  const ask = (key: string) => gateway.send({ path: '/v1/memories', headers: { 'x-api-key': key } })
  const [unknown, wrong] = [await ask(createApiKey('local').text), await ask(withInventedSecret(victim.apiKey))]
  return judged([unknown, wrong], shape(unknown) === shape(wrong) && !wrong.text.includes(victim.tenantId))
}

function shape({ status, headers, text }: Answer): string {
  const body = text.replace(/"request_id":"[^"]*"/, '')
  return JSON.stringify([status, Object.keys(headers).toSorted(), body])
}

/** What a key may not get: more than it has. */
const BEYOND: readonly (readonly [string, Record<string, unknown>])[] = [
  ['more permissions', { scopes: ['memories:read', 'memories:delete'] }],
  ['all permissions by a wildcard', { scopes: ['*'] }],
  ['a permission by a wildcard', { scopes: ['memories:*'] }],
  ['administration', { scopes: ['admin:*'] }],
  ['no permission in a list of lists', { scopes: [['admin:*']] }],
  ['another subject', { scopes: ['memories:read'], subjects: ['ben'] }],
  ['all subjects', { scopes: ['memories:read'], subjects: '*' }],
  ['another tenant', { scopes: ['memories:read'], tenant_id: '0198c0de-0000-7000-8000-000000000001' }],
]

async function widen({ gateway, attacker }: Target, more: Record<string, unknown>): Promise<Outcome> {
  const authorization = { authorization: `Bearer ${attacker.accessToken}` }
  const own = { name: 'weak', scopes: ['memories:read', 'keys:manage'], subjects: ['anna'] }
  const weak = await ok<{ key: string }>(gateway.send({ path: '/v1/api-keys', headers: authorization, body: own }))
  const body = { name: 'strong', subjects: ['anna'], ...more }
  return refused(await gateway.send({ path: '/v1/api-keys', headers: { 'x-api-key': weak.key }, body }))
}

const REVOCATION_MS = 3000

async function useRevoked({ gateway, newParty }: Target): Promise<Outcome> {
  const { accessToken, apiKey, apiKeyId } = await newParty()
  const headers = { authorization: `Bearer ${accessToken}` }
  const ask = () => gateway.send({ path: '/v1/memories', headers: { 'x-api-key': apiKey } })
  await ask()
  await gateway.send({ method: 'DELETE', path: `/v1/api-keys/${apiKeyId}`, headers })
  const deadline = performance.now() + REVOCATION_MS
  let answer = await ask()
  while (answer.status === 200 && performance.now() < deadline) answer = await ask()
  return refusedWith(['invalid_api_key'], answer)
}

/** Addresses that a client may claim to come from; only its connection counts. */
const CLAIMED: readonly (readonly [string, Record<string, string>])[] = [
  ['no claim', {}],
  ['X-Forwarded-For', { 'x-forwarded-for': '198.51.100.7' }],
  ['X-Forwarded-For with several', { 'x-forwarded-for': '198.51.100.7, 127.0.0.1' }],
  ['X-Real-IP', { 'x-real-ip': '198.51.100.7' }],
  ['Forwarded', { forwarded: 'for=198.51.100.7;proto=https' }],
  [
    'X-Client-IP',
    { 'x-client-ip': '198.51.100.7', 'true-client-ip': '198.51.100.7', 'cf-connecting-ip': '198.51.100.7' },
  ],
]

async function claimAddress({ gateway, attacker }: Target, headers: Record<string, string>): Promise<Outcome> {
  const authorization = { authorization: `Bearer ${attacker.accessToken}` }
  const body = { name: 'bound', scopes: ['memories:read'], ip_allow: ['198.51.100.0/24'] }
  const made = await ok<{ key: string }>(gateway.send({ path: '/v1/api-keys', headers: authorization, body }))
  const answer = await gateway.send({ path: '/v1/memories', headers: { 'x-api-key': made.key, ...headers } })
  return refusedWith(['address_not_allowed'], answer)
}

export const API_KEY_ATTACKS: readonly Attack[] = [
  ...attacks('API key guessing', GUESSES, (target, make) => guess(target, make(target.victim))),
  ...attacks('API key misplaced', MISPLACED, async (target, place) =>
    refused(await target.gateway.send(place(target.victim.apiKey))),
  ),
  { kind: 'API key guessing', name: 'a difference between unknown and wrong', run: tellsNoDifference },
  ...attacks('API key privileges', BEYOND, widen),
  { kind: 'API key that has ended', name: 'a revoked key', run: useRevoked },
  ...attacks('API key bound to addresses', CLAIMED, claimAddress),
]

import { randomUUID } from 'node:crypto'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { AuditLog } from '@memoric/contracts/audit-contract.ts'
import { createApiKey, parseApiKey } from '@memoric/crypto/api-key.ts'
import { checksum62 } from '@memoric/crypto/base62.ts'
import { type Account, createAccount, createKey } from '@memoric/e2e/accounts.ts'
import type { ApiAnswer, Credential } from '@memoric/e2e/api-client.ts'
import { METRICS_TOKEN } from '@memoric/e2e/stack-settings.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { beforeAll, describe, expect, test } from 'vitest'

const stack = useStack()
const ID = '0198c0de-0000-7000-8000-000000000001'
let account: Account
let other: Account

beforeAll(async () => {
  account = await createAccount(stack)
  other = await createAccount(stack)
})

function requestIdOf({ problem }: ApiAnswer): string {
  if (problem === null) throw new Error('was not refused')
  return problem.request_id
}

/** The lines about a request that the owner of a tenant can read. */
async function linesOf(reader: Account, answer: ApiAnswer): Promise<AuditLog[]> {
  return (await stack.api.ok('listAuditLogs', reader.session, { query: { request_id: requestIdOf(answer) } })).items
}

/** The line about a request, as soon as it is in the log of the tenant. */
async function lineOf(reader: Account, answer: ApiAnswer): Promise<AuditLog> {
  const find = async () => (await linesOf(reader, answer)).length
  await expect.poll(find, { timeout: 20_000, interval: 200 }).toBe(1)
  return (await linesOf(reader, answer))[0]!
}

/** A key with the same public id, a secret that is made up, and the checksum that belongs to it. */
function withAnotherSecret(key: string): string {
  const { keyId } = parseApiKey(key)!
  const body = `mk_local_${keyId}_${createApiKey('local').secret}`
  return body + checksum62(body)
}

interface PlatformLine {
  readonly operation: string
  readonly reason: string
  readonly actor_type: string
  readonly source: string
}

/** Lines in the log of the platform tenant about a request. */
async function platformLines(answer: ApiAnswer): Promise<PlatformLine[]> {
  return stack.admin.audit<PlatformLine[]>`
    select operation, reason, actor_type, source from audit_logs
    where tenant_id = ${PLATFORM_TENANT} and request_id = ${requestIdOf(answer)}`
}

async function weakKey(scopes: ['memories:read']): Promise<{ credential: Credential; id: string }> {
  const { key, id } = await createKey(stack, account.session, { scopes })
  return { credential: { apiKey: key }, id }
}

describe('a call that is denied is in the log of its tenant, with who, what, why and which request', () => {
  test('by the gateway', async () => {
    const { credential, id } = await weakKey(['memories:read'])
    const answer = await stack.api.call('deleteMemory', credential, { params: { id: ID } })
    expect(await lineOf(account, answer)).toMatchObject({
      operation: 'authz.denied',
      actor_type: 'api_key',
      actor_id: id,
      outcome: 'denied',
      reason: 'permission_denied',
      resource_id: ID,
      endpoint: '/v1/memories/:id',
      method: 'DELETE',
      status_code: 403,
      ip_address: '127.0.0.1',
      details: { count: 1 },
    })
  })

  test('by a service behind it', async () => {
    const { key } = await createKey(stack, account.session, { subjects: ['anna'] })
    const body = { content: 'for ben', subject_id: 'ben' }
    const answer = await stack.api.call('createMemory', { apiKey: key }, { body })
    expect(await lineOf(account, answer)).toMatchObject({ operation: 'authz.denied', reason: 'subject_not_allowed' })
  })

  test('also when it asks for what is not there, or in a wrong way', async () => {
    const missing = await stack.api.call('getMemory', account.key, { params: { id: ID } })
    const wrong = await stack.api.call('createMemory', account.key, { body: { content: 7 } })
    expect(await lineOf(account, missing)).toMatchObject({
      operation: 'request.refused',
      reason: 'memory_not_found',
      resource_id: ID,
    })
    expect(await lineOf(account, wrong)).toMatchObject({ operation: 'request.refused', reason: 'validation_failed' })
  })

  test('and another tenant sees nothing of it', async () => {
    const answer = await stack.api.call('getMemory', account.key, { params: { id: ID } })
    await lineOf(account, answer)
    expect(await linesOf(other, answer)).toEqual([])
  })

  test("a look for another tenant's memory is told to the one who looked, not to the other", async () => {
    const made = await stack.api.ok('createMemory', other.key, { body: { content: 'of the other' } })
    const answer = await stack.api.call('getMemory', account.key, { params: { id: made.id } })
    expect(await lineOf(account, answer)).toMatchObject({ reason: 'memory_not_found', resource_id: made.id })
    expect(await linesOf(other, answer)).toEqual([])
  })
})

describe('a credential that does not stand', () => {
  test('is told to its tenant when it was revoked, with the key that it is', async () => {
    const { key, id } = await createKey(stack, account.session)
    await stack.api.ok('revokeApiKey', account.session, { params: { id } })
    const answer = await stack.api.call('listMemories', { apiKey: key })
    expect(answer.status).toBe(401)
    expect(await lineOf(account, answer)).toMatchObject({
      operation: 'auth.key.rejected',
      reason: 'revoked',
      actor_type: 'api_key',
      actor_id: id,
      endpoint: '/v1/memories',
      status_code: 401,
    })
  })

  test('is told to its tenant when only the secret is wrong, with nobody as the actor', async () => {
    const { key } = await createKey(stack, account.session)
    const answer = await stack.api.call('listMemories', { apiKey: withAnotherSecret(key) })
    expect(answer.status).toBe(401)
    const line = await lineOf(account, answer)
    expect(line).toMatchObject({ operation: 'auth.key.rejected', reason: 'wrong_secret', actor_type: 'anonymous' })
    expect(JSON.stringify(line)).not.toContain(key.split('_')[3])
  })

  test('is told to its tenant when its session has ended', async () => {
    const { email, password } = account
    const session = await stack.api.ok('login', null, { body: { email, password } })
    await stack.api.ok('logout', null, { body: { refresh_token: session.refresh_token } })
    let answer = await stack.api.call('listMemories', { token: session.access_token })
    const ask = async () => (answer = await stack.api.call('listMemories', { token: session.access_token })).status
    if (answer.problem === null) await expect.poll(ask, { timeout: 10_000 }).toBe(401)
    expect(await lineOf(account, answer)).toMatchObject({
      operation: 'auth.token.rejected',
      actor_type: 'user',
      actor_id: account.userId,
    })
  })

  test('that nobody knows is in the log of the platform', async () => {
    const answer = await stack.api.call('listMemories', { apiKey: createApiKey('local').text })
    const find = async () => (await platformLines(answer)).length
    await expect.poll(find, { timeout: 20_000, interval: 200 }).toBe(1)
    expect(await platformLines(answer)).toEqual([
      { operation: 'auth.key.rejected', reason: 'unknown', actor_type: 'anonymous', source: 'memoric/gateway' },
    ])
  })
})

test('ten thousand junk requests are a few lines, and each of them is counted', async () => {
  const count = 10_000
  const before = await junkLines()
  const ask = () => stack.api.raw({ method: 'GET', path: '/v1/memories' }, { apiKey: `mk_junk_${randomUUID()}` })
  for (let sent = 0; sent < count; sent += 100) await Promise.all(Array.from({ length: 100 }, ask))
  const added = async () => {
    const { lines, total } = await junkLines()
    return { lines: lines - before.lines, total: total - before.total }
  }
  await expect.poll(async () => (await added()).total, { timeout: 30_000, interval: 500 }).toBe(count)
  expect((await added()).lines).toBeLessThan(200)
}, 120_000)

async function junkLines(): Promise<{ lines: number; total: number }> {
  const [row] = await stack.admin.audit<{ lines: number; total: number }[]>`
    select count(*)::int as lines, coalesce(sum((details ->> 'count')::int), 0)::int as total from audit_logs
    where tenant_id = ${PLATFORM_TENANT} and reason = 'invalid_api_key'`
  return row!
}

test('the events of the gateway leave the outbox of auth', async () => {
  const left = async () => {
    const [row] = await stack.admin.auth<{ count: number }[]>`
      select count(*)::int as count from outbox where payload::jsonb ->> 'source' = 'memoric/gateway'`
    return row?.count
  }
  await expect.poll(left, { timeout: 30_000 }).toBe(0)
})

test('the metrics of the gateway count refusals by type and reason', async () => {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
  const text = await (await fetch(`${stack.settings.urls.gateway}/metrics`, { headers })).text()
  expect(text).toMatch(/^memoric_refusals_total\{type="authz.denied",reason="permission_denied",app="gateway"\} \d+$/m)
})

import { randomUUID } from 'node:crypto'
import type { Grant } from '@memoric/contracts/introspection.ts'
import { FORGED_ALGORITHMS, PUBLIC_KEY_AS_SECRET } from '@memoric/testkit/forged-tokens/forged-algorithms.ts'
import { FORGED_CLAIMS } from '@memoric/testkit/forged-tokens/forged-claims.ts'
import { FORGED_HEADERS, FORGED_KIDS, KEY_CARRIERS } from '@memoric/testkit/forged-tokens/forged-headers.ts'
import { ODD_TOKENS } from '@memoric/testkit/forged-tokens/odd-tokens.ts'
import { createTokenForge, type TokenForge } from '@memoric/testkit/forged-tokens/token-forge.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { problemOf } from './problem-of.ts'
import { json, newSigningKey, publicJwk, useGateway } from './use-gateway.ts'

const gateway = useGateway()
let session: Grant

beforeEach(() => {
  session = gateway.newSession()
})
afterEach(() => {
  gateway.memory.seen.length = 0
})

/** Makes tokens of the live session. */
function forge(): TokenForge {
  const { principal, grantId, tenantId } = session
  return createTokenForge(gateway.signingKey, { sub: principal.id, sid: grantId, tenant_id: tenantId })
}

async function ask(text: string) {
  return gateway.app.inject({ url: '/v1/memories', headers: { authorization: `Bearer ${text}` } })
}

async function expectRefused(text: string): Promise<void> {
  const before = gateway.introspections()
  const answer = await ask(text)
  expect(answer.statusCode).toBe(401)
  expect(problemOf(answer).code).toBe('invalid_token')
  expect(gateway.introspections()).toBe(before)
  expect(gateway.memory.seen).toHaveLength(0)
}

test('a token of auth for a live session is accepted', async () => {
  expect((await ask(forge().token())).statusCode).toBe(200)
})

test('a token whose tenant is not that of its session is refused', async () => {
  const answer = await ask(forge().token(undefined, forge().claims({ tenant_id: randomUUID() })))
  expect(problemOf(answer).code).toBe('invalid_token')
})

test('a token of a session that has ended is refused', async () => {
  gateway.grants.delete(session.grantId)
  expect((await ask(forge().token())).statusCode).toBe(401)
})

describe.each([
  ['another algorithm or key', FORGED_ALGORITHMS],
  ['the public key as a secret', PUBLIC_KEY_AS_SECRET],
  ['a kid', FORGED_KIDS],
  ['a key of its own', KEY_CARRIERS],
  ['a header', FORGED_HEADERS],
  ['claims', FORGED_CLAIMS],
  ['what is no token', ODD_TOKENS],
])('refused for %s:', (_kind, tokens) => {
  test.each(tokens)('%s', async (_what, make) => {
    await expectRefused(make(forge()))
  })
})

test('a new key of auth is learnt when a token first names it', async () => {
  const next = newSigningKey('key-2')
  const before = gateway.auth.answer
  gateway.auth.answer = async (request) =>
    request.url === '/.well-known/jwks.json'
      ? json({ keys: [await publicJwk(gateway.signingKey), await publicJwk(next)] })
      : before(request)
  await expect
    .poll(
      async () => (await ask(forge().token(forge().header({ kid: 'key-2' }), undefined, next.privateKey))).statusCode,
      {
        timeout: 5000,
      },
    )
    .toBe(200)
  gateway.auth.answer = before
})

test.each([
  ['closes the connection', undefined],
  ['answers 500', json({ code: 'internal_error' }, 500)],
  ['answers no keys', json({ nothing: true })],
  ['answers no JSON', { status: 200, body: '<html>' }],
])('while auth %s a token cannot be judged: 503 with Retry-After', async (_what, answer) => {
  const before = gateway.auth.answer
  gateway.auth.answer = (request) => (request.url === '/.well-known/jwks.json' ? answer : before(request))
  const { app } = await gateway.startAnother({})
  const refused = await app.inject({ url: '/v1/memories', headers: { authorization: `Bearer ${forge().token()}` } })
  gateway.auth.answer = before
  expect(refused.statusCode).toBe(503)
  expect(refused.headers['retry-after']).toBe('1')
  expect(problemOf(refused).code).toBe('service_unavailable')
})

import { INTROSPECT_PATH } from '@memoric/contracts/introspection.ts'
import { createApiKey } from '@memoric/crypto/api-key.ts'
import { createServiceKey } from '@memoric/crypto/service-key.ts'
import { answersOf, say } from '@memoric/testkit/raw-http.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { problemOf } from './problem-of.ts'
import { json, useGateway } from './use-gateway.ts'

const gateway = useGateway()
const url = '/v1/memories'

beforeEach(() => {
  gateway.memory.seen.length = 0
})

async function refusalOf(headers: Record<string, string | string[]>, status = 401) {
  const before = gateway.introspections()
  const answer = await gateway.app.inject({ url, headers })
  expect(answer.statusCode).toBe(status)
  expect(gateway.memory.seen).toHaveLength(0)
  return { code: problemOf(answer).code, asked: gateway.introspections() - before, headers: answer.headers }
}

describe('an API key', () => {
  test.each(['x-api-key', 'authorization'])('is taken from %s', async (name) => {
    const { text } = gateway.newKey()
    const headers = { [name]: name === 'authorization' ? `Bearer ${text}` : text }
    expect((await gateway.app.inject({ url, headers })).statusCode).toBe(200)
  })

  test('that auth does not know is refused after one question', async () => {
    const { text } = createApiKey('test')
    expect(await refusalOf({ 'x-api-key': text })).toMatchObject({ code: 'invalid_api_key', asked: 1 })
  })

  test('that is refused is not told why', async () => {
    const reasons = ['unknown', 'wrong_secret', 'revoked', 'expired', 'creator_inactive', 'tenant_suspended']
    const usual = gateway.auth.answer
    const bodies = new Set<string>()
    for (const reason of reasons) {
      const refusal = { reason, tenantId: null, principal: null }
      gateway.auth.answer = (request) =>
        request.url === INTROSPECT_PATH ? json({ grant: null, refusal }) : usual(request)
      const { body, headers } = await gateway.app.inject({ url, headers: { 'x-api-key': createApiKey('test').text } })
      const {
        date: _date,
        'x-request-id': id,
        'ratelimit-remaining': _left,
        'ratelimit-reset': _reset,
        ...rest
      } = headers
      bodies.add(body.replace(String(id), '') + JSON.stringify(rest))
    }
    gateway.auth.answer = usual
    expect(bodies.size).toBe(1)
  })

  const right = createApiKey('test').text
  test.each([
    ['nothing at all', ''],
    ['only a prefix', 'mk_'],
    ['a wrong checksum', right.slice(0, -1) + (right.endsWith('0') ? '1' : '0')],
    ['one character too many', `${right}0`],
    ['a secret cut short', right.slice(0, -7)],
    ['a key of another kind', createServiceKey('gateway').text],
    ['SQL', "mk_test_' or 1=1--"],
    ['10 KB', `mk_test_${'a'.repeat(10_000)}`],
    ['two keys with a comma', `${right}, ${right}`],
  ])('with %s costs no question to auth', async (_what, text) => {
    const { code, asked } = await refusalOf({ 'x-api-key': text })
    expect({ code, asked }).toEqual({ code: 'invalid_api_key', asked: 0 })
  })

  test('never appears in the answer that refuses it', async () => {
    const { text, secret, keyId } = createApiKey('test')
    const { body } = await gateway.app.inject({ url, headers: { 'x-api-key': text } })
    expect(body).not.toContain(secret)
    expect(body).not.toContain(keyId)
  })
})

describe('the Authorization header', () => {
  test.each([
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['no token', 'Bearer'],
    ['an empty token', 'Bearer '],
    ['a token with a space', 'Bearer a b'],
    ['a token with other letters', 'Bearer ä.ö.ü'],
    ['two schemes', 'Bearer Bearer x'],
    ['nothing', ''],
    ['10 KB', `Bearer ${'a'.repeat(10_000)}`],
  ])('with %s is refused', async (_what, authorization) => {
    const { code, asked, headers } = await refusalOf({ authorization })
    expect({ code, asked }).toEqual({ code: 'invalid_token', asked: 0 })
    expect(headers['www-authenticate']).toBe('Bearer')
  })
})

test('two credentials at once are refused, even when both are right', async () => {
  const { text } = gateway.newKey()
  const { code, asked } = await refusalOf({ 'x-api-key': text, authorization: `Bearer ${text}` }, 400)
  expect({ code, asked }).toEqual({ code: 'malformed_request', asked: 0 })
})

test('a repeated credential is refused, even when it is the same', async () => {
  const { text } = gateway.newKey()
  for (const header of [`authorization: Bearer ${text}`, `x-api-key: ${text}`]) {
    const request = `GET ${url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${header}\r\n${header}\r\n\r\n`
    const [answer] = answersOf(await say(gateway.port, request))
    expect(answer?.status).toBe(401)
  }
  expect(gateway.memory.seen).toHaveLength(0)
})

test('no credential is an anonymous caller, who may not use what is for callers', async () => {
  expect((await refusalOf({})).code).toBe('authentication_required')
})

test('a grant without the permission of the route never reaches the service', async () => {
  const { text } = gateway.newKey({ permissions: ['audit:read'] })
  expect((await refusalOf({ 'x-api-key': text }, 403)).code).toBe('permission_denied')
})

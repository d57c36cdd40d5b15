import { createHmac, generateKeyPairSync, randomUUID, sign as signBytes } from 'node:crypto'
import type { Grant } from '@memoric/contracts/introspection.ts'
import { exportJWK, exportSPKI } from 'jose'
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

type Parts = Record<string, unknown>

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const seconds = () => Math.floor(Date.now() / 1000)

function header(changes: Parts = {}): Parts {
  return { alg: 'EdDSA', typ: 'at+jwt', kid: gateway.signingKey.kid, ...changes }
}

function claims(changes: Parts = {}): Parts {
  return {
    iss: 'memoric',
    aud: 'memoric-api',
    sub: session.principal.id,
    sid: session.grantId,
    tenant_id: session.tenantId,
    role: 'owner',
    jti: randomUUID(),
    iat: seconds(),
    exp: seconds() + 900,
    ...changes,
  }
}

/** A token with these very parts, signed by the key of auth or another. */
function token(head: Parts = header(), body: Parts = claims(), key = gateway.signingKey.privateKey): string {
  const signed = `${encode(head)}.${encode(body)}`
  return `${signed}.${signBytes(null, Buffer.from(signed), key).toString('base64url')}`
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
  expect((await ask(token())).statusCode).toBe(200)
})

test('a token whose tenant is not that of its session is refused', async () => {
  const answer = await ask(token(header(), claims({ tenant_id: randomUUID() })))
  expect(problemOf(answer).code).toBe('invalid_token')
})

test('a token of a session that has ended is refused', async () => {
  gateway.grants.delete(session.grantId)
  expect((await ask(token())).statusCode).toBe(401)
})

test.each(['none', 'nOnE', 'NONE', 'None', ''])('alg %j is refused, with and without a signature', async (alg) => {
  const text = token(header({ alg }))
  await expectRefused(text)
  await expectRefused(`${text.slice(0, text.lastIndexOf('.'))}.`)
  await expectRefused(text.slice(0, text.lastIndexOf('.')))
})

test('the public key is no secret for HMAC, in whatever form', async () => {
  const { publicKey } = gateway.signingKey
  const jwk = await exportJWK(publicKey)
  const forms = [
    await exportSPKI(publicKey),
    (await exportSPKI(publicKey)).trim(),
    JSON.stringify(jwk),
    JSON.stringify(await publicJwk(gateway.signingKey)),
    publicKey.export({ type: 'spki', format: 'der' }),
    Buffer.from(String(jwk.x), 'base64url'),
    '',
  ]
  for (const alg of ['HS256', 'HS384', 'HS512']) {
    for (const form of forms) {
      const signed = `${encode(header({ alg }))}.${encode(claims())}`
      const mac = createHmac(alg.replace('HS', 'sha'), form).update(signed).digest('base64url')
      await expectRefused(`${signed}.${mac}`)
    }
  }
})

test.each(['ES256', 'RS256', 'PS256', 'Ed448', 'eddsa'])('alg %s is refused', async (alg) => {
  await expectRefused(token(header({ alg })))
})

test('a token signed by another key is refused', async () => {
  const stranger = newSigningKey('key-1')
  await expectRefused(token(header(), claims(), stranger.privateKey))
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signed = `${encode(header())}.${encode(claims())}`
  await expectRefused(`${signed}.${signBytes('sha256', Buffer.from(signed), privateKey).toString('base64url')}`)
})

describe('a kid', () => {
  test.each([
    '../../../dev/null',
    "' or 1=1--",
    'http://127.0.0.1/jwks.json',
    '__proto__',
    'key-1\u0000',
    '',
    'k'.repeat(200),
    1,
    null,
    {},
    ['key-1'],
  ])('%j that auth never published is refused', async (kid) => {
    await expectRefused(token(header({ kid })))
  })
})

describe('a token cannot bring or name its own key', () => {
  const stranger = newSigningKey('key-1')
  test.each(['jku', 'jwk', 'x5u', 'x5c'])('%s', async (name) => {
    const jwk = await publicJwk(stranger)
    const values: Parts = { jwk, jku: `${gateway.memory.url}/jwks.json`, x5u: `${gateway.memory.url}/x`, x5c: ['AAAA'] }
    await expectRefused(token(header({ [name]: values[name] }), claims(), stranger.privateKey))
    await expectRefused(token(header({ [name]: values[name] })))
  })
})

describe('crit', () => {
  test.each([[['exp']], [['unknown']], [['b64']], [[]], ['exp'], [null], [[1]]])('%j is refused', async (crit) => {
    await expectRefused(token(header({ crit, b64: false, unknown: 1 })))
  })
})

test.each(['JWT', 'jwt', 'id+jwt', 'refresh', 'logout+jwt', undefined])('typ %s is refused', async (typ) => {
  await expectRefused(token(header({ typ })))
})

test.each([
  ['another issuer', { iss: 'somebody' }],
  ['no issuer', { iss: undefined }],
  ['an issuer that is a list', { iss: ['memoric'] }],
  ['another audience', { aud: 'memoric-internal' }],
  ['no audience', { aud: undefined }],
  ['no subject', { sub: undefined }],
  ['a subject that is no text', { sub: 7 }],
  ['no session', { sid: undefined }],
  ['a session that is no text', { sid: { $ne: null } }],
  ['no tenant', { tenant_id: undefined }],
  ['no id', { jti: undefined }],
  ['no expiry', { exp: undefined }],
  ['an expiry that is text', { exp: '9999999999' }],
  ['an expiry of long ago', { exp: 1 }],
  ['no time of issue', { iat: undefined }],
])('a token with %s is refused', async (_what, changes: Parts) => {
  await expectRefused(token(header(), claims(changes)))
})

test.each([
  ['expired 6 s ago', { exp: -6, iat: -906 }],
  ['not valid for another minute', { nbf: 60 }],
  ['issued ten minutes from now', { iat: 600, exp: 1500 }],
  ['living for longer than auth lets tokens live', { iat: -1000, exp: 86_400 }],
])('a token %s is refused', async (_what, offsets: Record<string, number>) => {
  const at = seconds()
  const times = Object.fromEntries(Object.entries(offsets).map(([name, offset]) => [name, at + offset]))
  await expectRefused(token(header(), claims(times)))
})

describe('what is not three parts of base64url JSON', () => {
  test.each([
    'a.b.c',
    '..',
    'e30.e30.e30',
    `${encode([])}.${encode({})}.AAAA`,
    `${encode(null)}.${encode(null)}.AAAA`,
    `${encode('x')}.${encode('x')}.AAAA`,
    'a'.repeat(100),
    'eyJhbGciOiJFZERTQSJ9',
    'a.b.c.d.e',
  ])('%s', async (text) => {
    await expectRefused(text)
  })

  test('4000 letters', () => expectRefused('a'.repeat(4000)))

  test('a right token with something around it', async () => {
    const [head = '', body = '', signature = ''] = token().split('.')
    await expectRefused(`${head}=.${body}.${signature}`)
    await expectRefused(`${head}.${body}.${signature}.${signature}`)
    await expectRefused(`${head}.${body}.${signature.slice(0, -2)}`)
    await expectRefused(`${head}.${body}.${signature}AA`)
    await expectRefused(`${head}.${encode({ ...claims(), role: 'owner', x: 1 })}.${signature}`)
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
    .poll(async () => (await ask(token(header({ kid: 'key-2' }), claims(), next.privateKey))).statusCode, {
      timeout: 5000,
    })
    .toBe(200)
  gateway.auth.answer = before
})

test.each([
  ['closes the connection', undefined],
  ['answers 500', json({ code: 'internal_error' }, 500)],
  ['answers no keys', json({ nothing: true })],
  ['answers no JSON', { status: 200, body: '<html>' }],
])('while auth %s a token cannot be judged: 503 with Retry-After', async (_what, answer) => {
  const { app, deps } = await gateway.startAnother({})
  expect(deps.grants).toBeDefined()
  const before = gateway.auth.answer
  gateway.auth.answer = (request) => (request.url === '/.well-known/jwks.json' ? answer : before(request))
  const refused = await app.inject({ url: '/v1/memories', headers: { authorization: `Bearer ${token()}` } })
  gateway.auth.answer = before
  expect(refused.statusCode).toBe(503)
  expect(refused.headers['retry-after']).toBe('1')
  expect(problemOf(refused).code).toBe('service_unavailable')
})

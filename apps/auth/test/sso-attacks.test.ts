import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Body } from './answer.ts'
import {
  begin,
  comeBack,
  EVIL_CLIENT,
  type EvilAnswer,
  goodClaims,
  signed,
  tokenAnswer,
  useEvilProvider,
} from './evil-provider.ts'
import { type Owner, randomEmail, signUp } from './sign-up.ts'
import { Browser, type SsoProviderBody } from './sso-browser.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ OUTBOUND_PRIVATE_NETWORKS: 'true' })
const evil = useEvilProvider()
let owner: Owner
let provider: SsoProviderBody
let person: JWTPayload

beforeEach(async () => {
  owner = await signUp(auth)
  person = { sub: 'someone', email: randomEmail(), email_verified: true }
  provider = await add()
})

async function add(): Promise<SsoProviderBody> {
  const body = { name: 'Evil', issuer: evil.issuer, ...EVIL_CLIENT }
  const answer = await auth.call('POST', '/v1/sso/providers', body, owner.caller)
  if (answer.status !== 201) throw new Error(`no provider: ${JSON.stringify(answer.body)}`)
  return answer.body as unknown as SsoProviderBody
}

/** Signs in; the token endpoint answers what `answer` makes of the nonce. */
async function signInWith(answer: (nonce: string) => EvilAnswer | Promise<EvilAnswer>) {
  const browser = new Browser(auth)
  const { state, nonce } = await begin(browser, provider.id)
  evil.answers['/token'] = () => answer(nonce)
  return comeBack(browser, provider.id, { state, code: 'a code' })
}

const withIdToken = (make: (nonce: string) => string | Promise<string>) =>
  signInWith(async (nonce) => tokenAnswer(await make(nonce)))

const withClaims = (change: (claims: JWTPayload) => JWTPayload) =>
  withIdToken((nonce) => signed(evil, change(goodClaims(evil, nonce, person))))

const hmac = (claims: JWTPayload, secret: string) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(Buffer.from(secret))

async function expectNobody(answer: { status: number; body: unknown }, code: string, reason: string): Promise<void> {
  expect(answer).toMatchObject({ status: code === 'sso_refused' ? 403 : 502, body: { code } })
  expect(answer.body).not.toHaveProperty('detail')
  const failure = (await auth.events('auth.login.failed')).findLast(({ tenantid }) => tenantid === owner.tenantId)
  expect(failure).toMatchObject({ data: { reason } })
  expect(await auth.admin`select 1 from users where tenant_id = ${owner.tenantId}`).toHaveLength(1)
  expect(await auth.admin`select 1 from sessions where provider_id = ${provider.id}`).toHaveLength(0)
  const said = JSON.stringify([answer.body, failure])
  for (const secret of ['a code', EVIL_CLIENT.client_secret, 'canary']) expect(said).not.toContain(secret)
}

test('what is right is taken: the client proves itself and shows the verifier of the challenge', async () => {
  expect(await withClaims((claims) => claims)).toMatchObject({
    status: 200,
    body: { user: { email: person['email'] } },
  })
  const { form } = evil.seen.find(({ path }) => path === '/token')!
  expect(Object.fromEntries(form)).toMatchObject({
    grant_type: 'authorization_code',
    code: 'a code',
    redirect_uri: provider.redirect_uri,
    ...EVIL_CLIENT,
    code_verifier: expect.stringMatching(/^[\w-]{43}$/),
  })
})

describe('an ID token', () => {
  const forged: [string, (claims: JWTPayload) => string | Promise<string>][] = [
    ['without a signature', (claims) => new UnsecuredJWT(claims).encode()],
    ['with alg nOnE', (claims) => header({ alg: 'nOnE' }, claims)],
    ['signed with the client secret', (claims) => hmac(claims, EVIL_CLIENT.client_secret)],
    ['signed with the public key as a secret', async (claims) => hmac(claims, await exportSPKI(evil.publicKey))],
    ['signed with the JWK as a secret', (claims) => hmac(claims, JSON.stringify(evil.jwk))],
    ['signed by another key', async (claims) => signed(evil, claims, (await generateKeyPair('RS256')).privateKey)],
    ['signed by a key that it carries itself', carried],
    ['signed by a key that is not published', (claims) => signedAs(claims, { alg: 'RS256', kid: 'two' })],
    ['whose signature is cut off', async (claims) => (await signed(evil, claims)).replace(/[^.]+$/, '')],
    ['whose claims were changed', async (claims) => changed(await signed(evil, claims))],
    ['with a critical header', (claims) => signedAs(claims, { alg: 'RS256', kid: 'one', crit: ['x'], x: 1 })],
    ['that is no JWT', () => 'canary'],
    ['that is encrypted', () => 'a.b.c.d.e'],
  ]
  test.each(forged)('%s is refused', async (_what, forge) => {
    const answer = await withIdToken((nonce) => forge(goodClaims(evil, nonce, person)))
    const isJunk = answer.status === 502
    await expectNobody(
      answer,
      isJunk ? 'identity_provider_failed' : 'sso_refused',
      isJunk ? 'provider_failed' : 'answer_refused',
    )
  })

  const now = () => Math.floor(Date.now() / 1000)
  const wrong: [string, (claims: JWTPayload) => JWTPayload][] = [
    ['of another issuer', (claims) => ({ ...claims, iss: 'https://other.example' })],
    ['of almost this issuer', (claims) => ({ ...claims, iss: `${claims.iss}/` })],
    ['of no issuer', ({ iss: _iss, ...claims }) => claims],
    ['for another client', (claims) => ({ ...claims, aud: 'another' })],
    ['for no client', ({ aud: _aud, ...claims }) => claims],
    [
      'for several clients, authorised for another',
      (claims) => ({ ...claims, aud: [EVIL_CLIENT.client_id, 'x'], azp: 'x' }),
    ],
    ['with the nonce of another attempt', (claims) => ({ ...claims, nonce: 'another' })],
    ['without a nonce', ({ nonce: _nonce, ...claims }) => claims],
    ['that has expired', (claims) => ({ ...claims, iat: now() - 120, exp: now() - 60 })],
    ['that never expires', ({ exp: _exp, ...claims }) => claims],
    ['that is not valid yet', (claims) => ({ ...claims, nbf: now() + 120 })],
    ['without a subject', ({ sub: _sub, ...claims }) => claims],
    ['with a number for a subject', (claims) => ({ ...claims, sub: 7 as unknown as string })],
  ]
  test.each(wrong)('%s is refused', async (_what, change) => {
    await expectNobody(await withClaims(change), 'sso_refused', 'answer_refused')
  })

  test('with claims named like the insides of objects changes nothing', async () => {
    const claims = `{"__proto__":{"email_verified":true},"constructor":{"prototype":{"polluted":1}},`
    const answer = await withIdToken((nonce) => {
      const { email_verified: _verified, ...rest } = goodClaims(evil, nonce, person)
      return signedText(claims + JSON.stringify(rest).slice(1))
    })
    expect(answer.status).toBe(403)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  function header(fields: object, claims: JWTPayload): string {
    return `${base64url(JSON.stringify(fields))}.${base64url(JSON.stringify(claims))}.`
  }

  function signedAs(claims: JWTPayload, fields: { alg: string; kid: string; crit?: string[]; x?: number }) {
    return new SignJWT(claims).setProtectedHeader(fields).sign(evil.key, { crit: { x: true } })
  }

  async function carried(claims: JWTPayload): Promise<string> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
    const jwk = await exportJWK(publicKey)
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one', jwk }).sign(privateKey)
  }

  function changed(token: string): string {
    const [head, body, signature] = token.split('.')
    const claims = JSON.parse(Buffer.from(body!, 'base64url').toString()) as JWTPayload
    return [head, base64url(JSON.stringify({ ...claims, email: 'other@example.com' })), signature].join('.')
  }
})

describe('a token endpoint that answers', () => {
  const unusable: [string, EvilAnswer, string][] = [
    ['a page', { body: '<html>canary</html>', headers: { 'content-type': 'text/html' } }, 'no_usable_answer'],
    ['broken JSON', { body: '{"access_token":"canary"' }, 'no_usable_answer'],
    ['an error of its own', { status: 500, body: 'canary' }, 'no_usable_answer'],
    ['that it is too busy', { status: 503, body: { error: 'temporarily_unavailable' } }, 'no_usable_answer'],
    ['a redirect', { status: 302, headers: { location: '/canary' }, body: '' }, 'redirected'],
    ['more than anyone needs', { body: { id_token: 'canary'.repeat(100_000) } }, 'too_large'],
    ['that the client is not known', { status: 401, body: { error: 'invalid_client' } }, 'client_refused'],
    [
      'that the secret is wrong',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="canary"' }, body: { error: 'invalid_client' } },
      'client_refused',
    ],
    ['that the client may not', { status: 400, body: { error: 'unauthorized_client' } }, 'client_refused'],
    ['another error', { status: 400, body: { error: 'canary', error_description: 'canary' } }, 'no_usable_answer'],
  ]
  test.each(unusable)('%s has failed', async (_what, answer, fault) => {
    await expectNobody(await signInWith(() => answer), 'identity_provider_failed', 'provider_failed')
    const failure = (await auth.events('auth.login.failed')).at(-1)!
    expect(failure.data.details).toEqual({ method: 'sso', provider_id: provider.id, fault })
  })

  test.each([
    ['a list', []],
    ['nothing', {}],
    ['no ID token', { access_token: 'canary', token_type: 'Bearer' }],
    ['a number for an ID token', { access_token: 'canary', token_type: 'Bearer', id_token: 1 }],
    ['another type of token', { access_token: 'canary', token_type: 'mac', id_token: 'canary' }],
  ])('%s vouches for nobody', async (_what, body) => {
    await expectNobody(await signInWith(() => ({ body })), 'sso_refused', 'answer_refused')
  })

  test('that the code is not good vouches for nobody', async () => {
    const answer = { status: 400, body: { error: 'invalid_grant', error_description: 'canary' } }
    await expectNobody(await signInWith(() => answer), 'sso_refused', 'code_refused')
  })

  test('nothing, has failed; the code was sent once', async () => {
    evil.discovery = { token_endpoint: 'http://127.0.0.1:1/token' }
    provider = await add()
    await expectNobody(await withClaims((claims) => claims), 'identity_provider_failed', 'provider_failed')
    expect((await auth.events('auth.login.failed')).at(-1)!.data.details).toMatchObject({ fault: 'unreachable' })
  })
})

describe('keys', () => {
  test.each([
    ['that are a page', { body: '<html>' }],
    ['that are missing', { status: 404, body: '' }],
    ['that are no list', { body: { keys: 'canary' } }],
    ['that are junk', { body: { keys: [{ kty: 'RSA', kid: 'one', alg: 'RS256', n: '!', e: '!' }] } }],
    ['that are secret keys', { body: { keys: [{ kty: 'oct', kid: 'one', k: 'AAAA' }] } }],
    ['that are none', { body: { keys: [] } }],
  ] satisfies [string, EvilAnswer][])('%s prove nothing', async (_what, keys) => {
    evil.answers['/jwks'] = () => keys
    const { status } = await withClaims((claims) => claims)
    expect([403, 502]).toContain(status)
    expect(await auth.admin`select 1 from users where tenant_id = ${owner.tenantId}`).toHaveLength(1)
  })

  test('and metadata are asked for once in some minutes', async () => {
    await withClaims((claims) => claims)
    await withClaims((claims) => claims)
    const paths = evil.seen.map(({ path }) => path)
    expect(paths.filter((path) => path === '/jwks')).toHaveLength(1)
    // Once when it was added, once for the first sign-in.
    expect(paths.filter((path) => path.startsWith('/.well-known'))).toHaveLength(2)
  })
})

describe('UserInfo', () => {
  const askedFor = async (answer: EvilAnswer) => {
    evil.discovery = { userinfo_endpoint: `${evil.issuer}/userinfo` }
    provider = await add()
    evil.answers['/userinfo'] = () => answer
    const { email: _email, ...rest } = person
    person = rest
    return withClaims((claims) => claims)
  }

  test('of another subject is refused', async () => {
    const body = { sub: 'somebody else', email: owner.email, email_verified: true }
    await expectNobody(await askedFor({ body }), 'sso_refused', 'answer_refused')
  })

  test('does not count against the ID token', async () => {
    const email = randomEmail()
    person = { ...person, email_verified: false }
    const answer = await askedFor({ body: { sub: 'someone', email, email_verified: true } })
    expect(answer.status).toBe(403)
  })

  test('that fails, fails the sign-in', async () => {
    await expectNobody(await askedFor({ status: 500, body: 'canary' }), 'identity_provider_failed', 'provider_failed')
  })
})

test('a wrong issuer in the callback is refused before the code is sent anywhere', async () => {
  const browser = new Browser(auth)
  const { state } = await begin(browser, provider.id)
  const answer = await comeBack(browser, provider.id, { state, code: 'a code', iss: 'https://other.example' })
  await expectNobody(answer, 'sso_refused', 'answer_refused')
  expect(evil.seen.map(({ path }) => path)).not.toContain('/token')
})

test('what a provider calls an error is told in the log only if it is a word', async () => {
  for (const [error, shown] of [
    ['login_required', 'login_required'],
    ['<script>canary</script>', 'other'],
    ['x'.repeat(200), 'other'],
  ] as const) {
    const browser = new Browser(auth)
    const { state } = await begin(browser, provider.id)
    await expectNobody(await comeBack(browser, provider.id, { state, error }), 'sso_refused', 'provider_refused')
    expect((await auth.events('auth.login.failed')).at(-1)!.data.details).toMatchObject({ error: shown })
  }
})

test('a provider that has gone away is a 502, at the start as well', async () => {
  evil.answers['/.well-known/openid-configuration'] = () => ({ status: 500, body: 'canary' })
  const answer = await new Browser(auth).start(provider.id)
  expect(answer).toMatchObject({ status: 502, body: { code: 'identity_provider_failed' } })
  expect(answer.headers['set-cookie']).toBeUndefined()
  expect(await auth.admin`select 1 from sso_attempts where provider_id = ${provider.id}`).toHaveLength(0)
})

test('a provider that has become another one is not used', async () => {
  evil.discovery = { issuer: 'https://other.example' }
  expect((await new Browser(auth).start(provider.id)).body.code).toBe('identity_provider_failed')
})

test('a slow provider of one tenant takes only so many places', async () => {
  let answered: () => void = () => undefined
  const slow = new Promise<void>((resolve) => (answered = resolve))
  const discovery = evil.answers['/.well-known/openid-configuration']!
  evil.answers['/.well-known/openid-configuration'] = async (request) => {
    await slow
    return discovery(request)
  }
  let refused = 0
  const starts = Array.from({ length: 30 }, async () => {
    const { body, status } = await new Browser(auth).start(provider.id)
    if ((body as Body | null)?.code === 'overloaded') refused += 1
    return status
  })
  await expect.poll(() => refused).toBe(6)
  answered()
  const statuses = (await Promise.all(starts)).toSorted()
  expect(statuses).toEqual([...Array<number>(24).fill(302), ...Array<number>(6).fill(503)])
  expect((await new Browser(auth).start(provider.id)).status).toBe(302)
})

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** A token whose payload is this text, not what JSON.stringify would make. */
async function signedText(payload: string): Promise<string> {
  const { sign } = await import('node:crypto')
  const { KeyObject } = await import('node:crypto')
  const input = `${base64url(JSON.stringify({ alg: 'RS256', kid: 'one' }))}.${base64url(payload)}`
  return `${input}.${sign('sha256', Buffer.from(input), KeyObject.from(evil.key)).toString('base64url')}`
}

import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

test('the public keys are open to anyone, and may be kept for five minutes', async () => {
  const answer = await auth.app.inject('/.well-known/jwks.json')
  expect(answer.statusCode).toBe(200)
  expect(answer.headers).toMatchObject({ 'cache-control': 'public, max-age=300' })
  expect(Object.keys(answer.json<JSONWebKeySet>().keys[0]!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
})

test('an access token verifies against them and says who, where and until when', async () => {
  const owner = await signUp(auth)
  const jwks: JSONWebKeySet = (await auth.app.inject('/.well-known/jwks.json')).json()
  const { payload, protectedHeader } = await jwtVerify(owner.accessToken, createLocalJWKSet(jwks), {
    algorithms: ['EdDSA'],
    issuer: 'memoric',
    audience: 'memoric-api',
    typ: 'at+jwt',
    requiredClaims: ['jti', 'iat', 'exp', 'sid'],
  })
  expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: jwks.keys[0]!.kid })
  expect(payload).toMatchObject({ sub: owner.userId, tenant_id: owner.tenantId, role: 'owner' })
  expect(payload.exp! - payload.iat!).toBe(900)
  expect(JSON.stringify(payload)).not.toContain(owner.email)
})

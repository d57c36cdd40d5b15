import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

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
  expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: expect.any(String) as string })
  expect(payload).toMatchObject({ sub: owner.userId, tenant_id: owner.tenantId, role: 'owner' })
  expect(payload.exp! - payload.iat!).toBe(900)
  expect(JSON.stringify(payload)).not.toContain(owner.email)
})

import { randomUUID } from 'node:crypto'
import { type Grant, INTROSPECT_PATH } from '@memoric/contracts/introspection.ts'
import { REVOKED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { connectMessaging } from '@memoric/messaging/connect.ts'
import { publishSignal } from '@memoric/messaging/signals.ts'
import type { JWTPayload } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { problemOf } from './problem-of.ts'
import { signToken } from './sign-token.ts'
import { useGateway } from './use-gateway.ts'

const gateway = useGateway()
let grant: Grant

/** An API key that auth knows by its id, as tokens name it. */
function knownClient(limits: Partial<Grant> = {}): Grant {
  const id = randomUUID()
  const made = { ...gateway.newKey().grant, grantId: id, principal: { type: 'api_key' as const, id }, ...limits }
  gateway.grants.set(id, made)
  return made
}

beforeEach(() => {
  grant = knownClient()
})

const tokenOf = ({ grantId, tenantId }: Grant, more: JWTPayload = {}) =>
  signToken(gateway.signingKey, {
    sub: grantId,
    client_id: 'KSC2pSsDskRjppID',
    tenant_id: tenantId,
    scope: 'memories:read memories:write',
    ...more,
  })

const ask = async (token: string | Promise<string>, url = '/v1/memories', remoteAddress = '192.0.2.1') =>
  gateway.app.inject({ url, headers: { authorization: `Bearer ${await token}` }, remoteAddress })

const lastQuestion = () => {
  const asked = gateway.auth.seen.filter(({ url }) => url === INTROSPECT_PATH).at(-1)
  return JSON.parse(asked!.body.toString()) as unknown
}

describe('a token that was issued for an API key', () => {
  test('stands for the key, within its own scopes', async () => {
    expect((await ask(tokenOf(grant))).statusCode).toBe(200)
    expect(lastQuestion()).toEqual({
      kind: 'client',
      api_key_id: grant.grantId,
      scopes: ['memories:read', 'memories:write'],
    })
  })

  test('is asked about once', async () => {
    const token = await tokenOf(grant)
    const before = gateway.introspections()
    await ask(token)
    await ask(token)
    expect(gateway.introspections()).toBe(before + 1)
  })

  test('shares the limits of the key', async () => {
    const { app } = await gateway.startAnother({})
    const limited = knownClient({ rateLimit: 2, networks: [['192.0.2.0/24']] })
    const send = async (token: string, remoteAddress: string) =>
      (await app.inject({ url: '/v1/memories', headers: { authorization: `Bearer ${token}` }, remoteAddress }))
        .statusCode
    const [one, two] = [await tokenOf(limited), await tokenOf(limited)]
    expect(await send(one, '198.51.100.1')).toBe(403)
    expect([await send(one, '192.0.2.1'), await send(two, '192.0.2.1'), await send(one, '192.0.2.1')]).toEqual([
      200, 200, 429,
    ])
  })

  test('ends with the key, which is named when it is revoked', async () => {
    const token = await tokenOf(grant)
    expect((await ask(token)).statusCode).toBe(200)
    gateway.grants.delete(grant.grantId)
    const { servers, user, pass } = gateway.nats.login('auth')
    const messaging = connectMessaging({ servers, user, pass, name: 'auth', log: gateway.deps.log })
    await messaging.connected()
    publishSignal(messaging, REVOKED_SUBJECT, { ids: [grant.grantId] })
    await expect.poll(async () => (await ask(token)).statusCode).toBe(401)
    await messaging.close()
  })

  test('is refused in a tenant that is not that of the key', async () => {
    expect(problemOf(await ask(tokenOf(grant, { tenant_id: randomUUID() }))).code).toBe('invalid_token')
  })

  test('is refused when auth does not know the key', async () => {
    expect(problemOf(await ask(tokenOf({ ...grant, grantId: randomUUID() }))).code).toBe('invalid_token')
  })
})

describe('a token is of a session or of a client, and never taken for the other:', () => {
  const refused = async (claims: JWTPayload) => {
    const before = gateway.introspections()
    expect(problemOf(await ask(tokenOf(grant, claims))).code).toBe('invalid_token')
    expect(gateway.introspections()).toBe(before)
  }

  test('both at once', async () => {
    const session = gateway.newSession()
    await refused({ sid: session.grantId })
    await refused({ sid: session.grantId, sub: session.principal.id, tenant_id: session.tenantId, role: 'owner' })
  })

  test('neither', async () => {
    await refused({ client_id: undefined, scope: undefined })
    await refused({ client_id: undefined })
  })

  test.each([{ scope: undefined }, { scope: ['memories:read'] }, { client_id: 1 }, { sub: undefined }, { sid: null }])(
    'a part of the wrong shape: %j',
    async (claims) => {
      await refused(claims as JWTPayload)
    },
  )

  test('a session that is called a client is asked about as one', async () => {
    const session = gateway.newSession()
    const claims = { sub: session.principal.id, tenant_id: session.tenantId }
    expect((await ask(tokenOf(grant, claims))).statusCode).toBe(401)
    expect(lastQuestion()).toMatchObject({ kind: 'client', api_key_id: session.principal.id })
  })

  test('a client that is called a session is asked about as one', async () => {
    const claims = { sid: randomUUID(), client_id: undefined, scope: undefined }
    expect((await ask(tokenOf(grant, claims))).statusCode).toBe(401)
    expect(lastQuestion()).toMatchObject({ kind: 'session', user_id: grant.grantId })
  })
})

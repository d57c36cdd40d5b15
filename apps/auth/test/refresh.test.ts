import { REFUSAL_HEADER } from '@memoric/contracts/refusals.ts'
import { createToken, hashToken } from '@memoric/crypto/opaque-token.ts'
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

const refresh = (token: string) => auth.call('POST', '/v1/auth/refresh', { refresh_token: token })
const logout = (token: string) => auth.call('POST', '/v1/auth/logout', { refresh_token: token })
const sessionOf = (accessToken: string) => String(decodeJwt(accessToken).sid)

/** Lets time pass for a token that was used. */
const age = (token: string, seconds: number) => auth.admin`
  update refresh_tokens set used_at = used_at - make_interval(secs => ${seconds}) where hash = ${hashToken(token)}`

async function eventsOf(session: string, type: Parameters<typeof auth.events>[0]) {
  return (await auth.events(type)).filter(({ data }) => data.resource_id === session)
}

test('a refresh token gives a new pair of the same session', async () => {
  const owner = await signUp(auth)
  const answer = await refresh(owner.refreshToken)
  expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 900 } })
  expect(answer.body.refresh_token).not.toBe(owner.refreshToken)
  const session = sessionOf(owner.accessToken)
  expect(sessionOf(answer.body.access_token)).toBe(session)
  const [event] = await eventsOf(session, 'auth.token.refreshed')
  expect(event).toMatchObject({ tenantid: owner.tenantId, actor: `user:${owner.userId}`, data: { status_code: 200 } })
})

test('a used token gives the same successor for ten seconds', async () => {
  const { refreshToken } = await signUp(auth)
  const first = await refresh(refreshToken)
  await age(refreshToken, 9)
  const again = await refresh(refreshToken)
  expect(again.status).toBe(200)
  expect(again.body.refresh_token).toBe(first.body.refresh_token)
})

test('after ten seconds it ends the session for everybody', async () => {
  const { refreshToken, accessToken } = await signUp(auth)
  const successor = (await refresh(refreshToken)).body.refresh_token
  await age(refreshToken, 11)
  expect(await refresh(refreshToken)).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
  expect(await refresh(successor)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
  const events = await eventsOf(sessionOf(accessToken), 'auth.token.reused')
  expect(events).toHaveLength(1)
  expect(events[0]).toMatchObject({ data: { outcome: 'denied', status_code: 401 } })
})

test('of twenty simultaneous refreshes all continue one and the same family', async () => {
  const { refreshToken, accessToken } = await signUp(auth)
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)))
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  const successors = new Set(answers.map(({ body }) => body.refresh_token))
  expect(successors.size).toBe(1)
  const rows = await auth.admin`select 1 from refresh_tokens where session_id = ${sessionOf(accessToken)}`
  expect(rows).toHaveLength(2)
  expect((await refresh([...successors][0]!)).status).toBe(200)
})

test('a token that nobody issued is refused', async () => {
  const { refreshToken } = await signUp(auth)
  const changed = refreshToken.slice(0, -1) + (refreshToken.endsWith('0') ? '1' : '0')
  for (const token of ['x', changed, 'mr_' + '0'.repeat(49), refreshToken.toLowerCase()]) {
    expect(await refresh(token)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
  }
})

test('a session goes on from the addresses of its tenant only, and its token stays good for them', async () => {
  const owner = await signUp(auth)
  const from = (clientAddress: string) =>
    auth.call('POST', '/v1/auth/refresh', { refresh_token: owner.refreshToken }, { clientAddress })
  const inside = { ...owner.caller, clientAddress: '192.0.2.9' }
  await auth.call('PATCH', '/v1/tenant', { settings: { ip_allow: ['192.0.2.0/24'] } }, inside)
  const refused = await from('198.51.100.1')
  expect(refused).toMatchObject({ status: 403, body: { code: 'address_not_allowed' } })
  expect(JSON.parse(String(refused.headers[REFUSAL_HEADER]))).toEqual({
    reason: 'address_not_allowed',
    tenantId: owner.tenantId,
    principal: { type: 'user', id: owner.userId },
  })
  expect(await from('192.0.2.8')).toMatchObject({ status: 200 })
  expect(await from('198.51.100.1')).toMatchObject({ status: 403 })
  await age(owner.refreshToken, 11)
  expect(await from('198.51.100.1')).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
})

test('the tenant is told of a token that its session does not go on with, and of nobody who made one up', async () => {
  const owner = await signUp(auth)
  const toldOf = (headers: Awaited<ReturnType<typeof refresh>>['headers']) =>
    JSON.parse(String(headers[REFUSAL_HEADER])) as unknown
  await auth.admin`update tenants set suspended_at = now() where id = ${owner.tenantId}`
  expect(toldOf((await refresh(owner.refreshToken)).headers)).toEqual({
    reason: 'tenant_suspended',
    tenantId: owner.tenantId,
    principal: { type: 'user', id: owner.userId },
  })
  await logout(owner.refreshToken)
  const told = { reason: 'invalid_token', tenantId: owner.tenantId, principal: null }
  expect(toldOf((await refresh(owner.refreshToken)).headers)).toEqual(told)
  expect((await refresh(createToken('mr'))).headers).not.toHaveProperty(REFUSAL_HEADER)
})

test.each([
  ['that is older than thirty days', 'expires_at'],
  ['that was idle for fourteen days', 'idle_expires_at'],
])('a session %s does not go on', async (_name, column) => {
  const { refreshToken, accessToken } = await signUp(auth)
  await auth.admin`update sessions set ${auth.admin(column)} = now() where id = ${sessionOf(accessToken)}`
  expect(await refresh(refreshToken)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
})

test('a session lasts thirty days at most, and every use gives it fourteen more', async () => {
  const { refreshToken, accessToken } = await signUp(auth)
  const session = sessionOf(accessToken)
  await auth.admin`
    update sessions set expires_at = expires_at - interval '1 day', idle_expires_at = idle_expires_at - interval '1 day'
    where id = ${session}`
  await refresh(refreshToken)
  const [row] = await auth.admin`
    select round(extract(epoch from expires_at - now()) / 86400)::int as lifetime,
      round(extract(epoch from idle_expires_at - now()) / 86400)::int as idle
    from sessions where id = ${session}`
  expect(row).toEqual({ lifetime: 29, idle: 14 })
})

test('the session of a deactivated user does not go on', async () => {
  const { refreshToken, userId } = await signUp(auth)
  await auth.admin`update users set deactivated_at = now() where id = ${userId}`
  expect((await refresh(refreshToken)).status).toBe(401)
})

test('a change of role shows in the next access token', async () => {
  const { refreshToken, userId } = await signUp(auth)
  await auth.admin`update users set role = 'read_only' where id = ${userId}`
  const answer = await refresh(refreshToken)
  expect(decodeJwt(answer.body.access_token).role).toBe('read_only')
})

test('logging out ends the session', async () => {
  const owner = await signUp(auth)
  expect(await logout(owner.refreshToken)).toMatchObject({ status: 204, body: null })
  expect(await refresh(owner.refreshToken)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
  const events = await eventsOf(sessionOf(owner.accessToken), 'auth.logged_out')
  expect(events).toMatchObject([
    { tenantid: owner.tenantId, actor: `user:${owner.userId}`, data: { status_code: 204 } },
  ])
})

test('logging out again, or with a token that nobody issued, answers the same and tells nothing', async () => {
  const owner = await signUp(auth)
  await logout(owner.refreshToken)
  expect((await logout(owner.refreshToken)).status).toBe(204)
  expect((await logout('mr_unknown')).status).toBe(204)
  expect(await eventsOf(sessionOf(owner.accessToken), 'auth.logged_out')).toHaveLength(1)
})

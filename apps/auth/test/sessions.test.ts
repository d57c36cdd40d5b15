import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import { sessionRoutes } from '@memoric/contracts/session-contract.ts'
import { describe, expect, test } from 'vitest'
import { beginSession } from './begin-session.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const revoked = useRevokedIds(auth)
const listAnswer = sessionRoutes.listSessions.responses[200]

async function list(caller: Partial<Caller>) {
  const answer = await auth.call('GET', '/v1/auth/sessions', undefined, caller)
  expect(answer.status).toBe(200)
  return listAnswer.parse(answer.body).items
}

const idsOf = async (caller: Partial<Caller>) => (await list(caller)).map(({ id }) => id as string)
const end = (id: string, caller: Partial<Caller>) => auth.call('DELETE', `/v1/auth/sessions/${id}`, undefined, caller)
const endOthers = (caller: Partial<Caller>) => auth.call('DELETE', '/v1/auth/sessions', undefined, caller)
const refresh = (token: string) => auth.call('POST', '/v1/auth/refresh', { refresh_token: token })
const ownId = ({ caller }: Owner) => String(caller.sessionId)
const keyOf = ({ caller }: Owner): Partial<Caller> => ({
  ...caller,
  principal: { type: 'api_key', id: randomUUID() },
  sessionId: null,
})

async function revocationsOf({ tenantId }: Owner) {
  return (await auth.events('auth.session.revoked')).filter(({ tenantid }) => tenantid === tenantId)
}

describe('the list of sessions', () => {
  test('has the own live ones, newest first, and says which one asks', async () => {
    const owner = await signUp(auth)
    const [second, third] = [await beginSession(auth, owner), await beginSession(auth, owner)]
    const items = await list(second.caller)
    expect(items.map(({ id }) => id)).toEqual([third.sessionId, second.sessionId, ownId(owner)])
    expect(items.map(({ current }) => current)).toEqual([false, true, false])
    expect(items[0]).toMatchObject({ method: 'password', ip_address: '192.0.2.7', user_agent: 'a browser' })
    expect(items[2]).toMatchObject({ method: 'registration', ip_address: '192.0.2.1', user_agent: 'a test' })
  })

  test('has each of them by its id, and no other', async () => {
    const [owner, stranger] = [await signUp(auth), await signUp(auth)]
    const read = (id: string, caller: Partial<Caller>) => auth.call('GET', `/v1/auth/sessions/${id}`, undefined, caller)
    const [listed] = await list(owner.caller)
    expect(await read(ownId(owner), owner.caller)).toMatchObject({ status: 200, body: listed })
    expect(await read(ownId(owner), stranger.caller)).toMatchObject({
      status: 404,
      body: { code: 'session_not_found' },
    })
    const { sessionId } = await beginSession(auth, owner)
    await end(sessionId, owner.caller)
    expect((await read(sessionId, owner.caller)).status).toBe(404)
    expect((await read(ownId(owner), keyOf(owner))).status).toBe(403)
  })

  test('says until when each lasts', async () => {
    const owner = await signUp(auth)
    const [only] = await list(owner.caller)
    const days = (to: string) => Math.round((Date.parse(to) - Date.parse(only!.created_at)) / 86_400_000)
    expect([days(only!.expires_at), days(only!.idle_expires_at), days(only!.last_used_at)]).toEqual([30, 14, 0])
  })

  test('leaves out what has ended, in whichever way', async () => {
    const owner = await signUp(auth)
    const ended = [await beginSession(auth, owner), await beginSession(auth, owner), await beginSession(auth, owner)]
    const [out, old, idle] = ended.map(({ sessionId }) => sessionId)
    await auth.call('POST', '/v1/auth/logout', { refresh_token: ended[0]!.refreshToken })
    await auth.admin`update sessions set expires_at = now() where id = ${old!}`
    await auth.admin`update sessions set idle_expires_at = now() where id = ${idle!}`
    expect(out).not.toBe(old)
    expect(await idsOf(owner.caller)).toEqual([ownId(owner)])
  })

  test('never has those of another user or tenant', async () => {
    const [owner, stranger] = [await signUp(auth), await signUp(auth)]
    expect(await idsOf({ ...owner.caller, principal: { type: 'user', id: stranger.userId } })).toEqual([])
    expect(await idsOf({ ...owner.caller, tenantId: stranger.caller.tenantId! })).toEqual([])
  })

  test('knows no client of a session that began before clients were kept', async () => {
    const owner = await signUp(auth)
    await auth.admin`update sessions set client_sealed = null where id = ${ownId(owner)}`
    expect(await list(owner.caller)).toMatchObject([{ ip_address: null, user_agent: null }])
  })

  test('keeps clients sealed at rest, each at its own session', async () => {
    const owner = await signUp(auth)
    const { sessionId, caller } = await beginSession(auth, owner)
    const [row] = await auth.admin<
      { client_sealed: Buffer }[]
    >`select client_sealed from sessions where id = ${sessionId}`
    expect(row!.client_sealed.includes('192.0.2.7')).toBe(false)
    await auth.admin`update sessions set client_sealed = ${row!.client_sealed} where id = ${ownId(owner)}`
    expect((await auth.call('GET', '/v1/auth/sessions', undefined, caller)).status).toBe(500)
  })

  test('shows when a session was used last', async () => {
    const owner = await signUp(auth)
    await auth.admin`update sessions set last_used_at = '2026-01-02T03:04:05Z' where id = ${ownId(owner)}`
    await auth.admin`update sessions set last_used_at = now() - interval '1 day' where id = ${ownId(owner)}`
    const before = Date.parse((await list(owner.caller))[0]!.last_used_at)
    await refresh(owner.refreshToken)
    const after = Date.parse((await list(owner.caller))[0]!.last_used_at)
    expect(Math.round((after - before) / 86_400_000)).toBe(1)
  })
})

describe('ending one session', () => {
  test('stops it at once, tells the log and every gateway', async () => {
    const owner = await signUp(auth)
    const other = await beginSession(auth, owner)
    expect(await end(other.sessionId, owner.caller)).toMatchObject({ status: 204, body: null })
    expect(await refresh(other.refreshToken)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    expect(await idsOf(owner.caller)).toEqual([ownId(owner)])
    expect(await revocationsOf(owner)).toMatchObject([
      {
        actor: `user:${owner.userId}`,
        data: {
          resource_type: 'session',
          resource_id: other.sessionId,
          reason: 'revoked',
          status_code: 204,
          details: { user_id: owner.userId },
        },
      },
    ])
    await expect.poll(() => revoked).toContain(other.sessionId)
    expect(revoked).not.toContain(ownId(owner))
  })

  test('may end the one that asks', async () => {
    const owner = await signUp(auth)
    expect((await end(ownId(owner), owner.caller)).status).toBe(204)
    expect((await refresh(owner.refreshToken)).status).toBe(401)
  })

  test('is refused for one that has ended, and told once', async () => {
    const owner = await signUp(auth)
    const other = await beginSession(auth, owner)
    await end(other.sessionId, owner.caller)
    expect(await end(other.sessionId, owner.caller)).toMatchObject({ status: 404, body: { code: 'session_not_found' } })
    expect(await revocationsOf(owner)).toHaveLength(1)
  })

  test.each(['expires_at', 'idle_expires_at'])('is refused for one past its %s', async (column) => {
    const owner = await signUp(auth)
    const other = await beginSession(auth, owner)
    await auth.admin`update sessions set ${auth.admin(column)} = now() where id = ${other.sessionId}`
    expect((await end(other.sessionId, owner.caller)).status).toBe(404)
  })

  test('is refused for that of somebody else, whose session goes on', async () => {
    const [owner, stranger] = [await signUp(auth), await signUp(auth)]
    const colleague = { ...owner.caller, principal: { type: 'user', id: stranger.userId } } as const
    for (const caller of [stranger.caller, colleague]) {
      expect(await end(ownId(owner), caller)).toMatchObject({ status: 404, body: { code: 'session_not_found' } })
    }
    expect((await end(randomUUID(), owner.caller)).status).toBe(404)
    expect((await refresh(owner.refreshToken)).status).toBe(200)
    expect(await revocationsOf(owner)).toEqual([])
  })

  test('is asked for by id', async () => {
    const owner = await signUp(auth)
    for (const id of ['x', "'", '%00', ownId(owner).toUpperCase()]) {
      expect(await end(id, owner.caller)).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
    }
  })

  test('of many who ask at once for the same one, one does it', async () => {
    const owner = await signUp(auth)
    const other = await beginSession(auth, owner)
    const answers = await Promise.all(Array.from({ length: 10 }, () => end(other.sessionId, owner.caller)))
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(9)
    expect(await revocationsOf(owner)).toHaveLength(1)
  })
})

describe('ending all other sessions', () => {
  test('leaves the one that asks', async () => {
    const owner = await signUp(auth)
    const others = [await beginSession(auth, owner), await beginSession(auth, owner)]
    expect(await endOthers(owner.caller)).toMatchObject({ status: 204, body: null })
    expect(await idsOf(owner.caller)).toEqual([ownId(owner)])
    for (const { refreshToken } of others) expect((await refresh(refreshToken)).status).toBe(401)
    expect((await refresh(owner.refreshToken)).status).toBe(200)
    const ids = others.map(({ sessionId }) => sessionId)
    expect((await revocationsOf(owner)).map(({ data }) => data.resource_id).sort()).toEqual(ids)
    await expect.poll(() => ids.every((id) => revoked.includes(id))).toBe(true)
  })

  test('ends none of another user', async () => {
    const [owner, stranger] = [await signUp(auth), await signUp(auth)]
    await endOthers({ ...owner.caller, principal: { type: 'user', id: stranger.userId } })
    expect((await refresh(owner.refreshToken)).status).toBe(200)
    expect((await refresh(stranger.refreshToken)).status).toBe(200)
  })

  test('with no others changes and tells nothing', async () => {
    const owner = await signUp(auth)
    expect((await endOthers(owner.caller)).status).toBe(204)
    expect(await revocationsOf(owner)).toEqual([])
  })

  test('wins against refreshes at the same time: none of them works on', async () => {
    const owner = await signUp(auth)
    const others = await Promise.all(Array.from({ length: 8 }, () => beginSession(auth, owner)))
    const racing = others.map(({ refreshToken }) => refresh(refreshToken))
    const [ending, ...answers] = await Promise.all([endOthers(owner.caller), ...racing])
    expect(ending.status).toBe(204)
    for (const { body } of answers.filter(({ status }) => status === 200)) {
      expect((await refresh(body.refresh_token)).status).toBe(401)
    }
    expect(await idsOf(owner.caller)).toEqual([ownId(owner)])
  })
})

describe('whoever has no session', () => {
  const requests = [
    ['GET', '/v1/auth/sessions'],
    ['DELETE', `/v1/auth/sessions/${randomUUID()}`],
    ['DELETE', '/v1/auth/sessions'],
  ] as const

  test.each(requests)('is refused with an API key: %s %s', async (method, path) => {
    const owner = await signUp(auth)
    const answer = await auth.call(method, path, undefined, keyOf(owner))
    expect(answer).toMatchObject({ status: 403, body: { code: 'session_required' } })
    expect((await refresh(owner.refreshToken)).status).toBe(200)
  })

  test.each(requests)('is refused without a credential: %s %s', async (method, path) => {
    expect(await auth.call(method, path)).toMatchObject({ status: 401, body: { code: 'authentication_required' } })
  })
})

import { INTROSPECT_PATH } from '@memoric/contracts/introspection.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beginSession, chooseSettings } from './begin-session.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ SESSIONS_PER_USER: '5', SESSION_IDLE_DAYS: '3', SESSION_LIFETIME_DAYS: '10' })
const revoked = useRevokedIds(auth)

const refresh = (token: string) => auth.call('POST', '/v1/auth/refresh', { refresh_token: token })
const ownId = ({ caller }: Owner) => String(caller.sessionId)

async function liveIds({ userId }: Pick<Owner, 'userId'>): Promise<string[]> {
  const rows = await auth.admin<{ id: string }[]>`
    select id from sessions where user_id = ${userId} and revoked_at is null order by id`
  return rows.map(({ id }) => id)
}

async function isGranted(owner: Owner): Promise<boolean> {
  const question = { kind: 'session', session_id: ownId(owner), user_id: owner.userId }
  const gateway = { principal: { type: 'service', id: 'gateway' } } as const
  return (await auth.call('POST', INTROSPECT_PATH, question, gateway)).body.grant !== null
}

/** Lets time pass for the session with which an owner registered. */
const age = (owner: Owner, minutes: number) => auth.admin`
  update sessions set created_at = created_at - make_interval(mins => ${minutes}),
    last_used_at = last_used_at - make_interval(mins => ${minutes}),
    expires_at = expires_at - make_interval(mins => ${minutes}),
    idle_expires_at = idle_expires_at - make_interval(mins => ${minutes})
  where id = ${ownId(owner)}`

describe('how many sessions a user has', () => {
  test('one more ends the one unused longest, tells the log and every gateway', async () => {
    const owner = await signUp(auth)
    const more = []
    for (let count = 0; count < 4; count += 1) more.push(await beginSession(auth, owner))
    await refresh(owner.refreshToken)
    const oldest = more[0]!
    const last = await beginSession(auth, owner)
    const kept = [ownId(owner), ...more.slice(1).map(({ sessionId }) => sessionId), last.sessionId]
    expect(await liveIds(owner)).toEqual(kept)
    expect((await refresh(oldest.refreshToken)).status).toBe(401)
    const events = (await auth.events('auth.session.revoked')).filter(({ tenantid }) => tenantid === owner.tenantId)
    expect(events).toMatchObject([
      { actor: `user:${owner.userId}`, data: { resource_id: oldest.sessionId, reason: 'too_many', status_code: 200 } },
    ])
    await expect.poll(() => revoked).toContain(oldest.sessionId)
  })

  test('of many sign-ins at once never more than that stay, and each that ended is told once', async () => {
    const owner = await signUp(auth)
    await Promise.all(Array.from({ length: 15 }, () => beginSession(auth, owner)))
    expect(await liveIds(owner)).toHaveLength(5)
    const events = (await auth.events('auth.session.revoked')).filter(({ tenantid }) => tenantid === owner.tenantId)
    expect(events).toHaveLength(11)
    expect(new Set(events.map(({ data }) => data.resource_id)).size).toBe(11)
  })

  test('a tenant may choose fewer, and then the next sign-in ends all that are too many', async () => {
    const owner = await signUp(auth)
    await Promise.all(Array.from({ length: 4 }, () => beginSession(auth, owner)))
    const last = await beginSession(auth, owner, { sessions_per_user: 2 })
    const live = await liveIds(owner)
    expect(live).toHaveLength(2)
    expect(live).toContain(last.sessionId)
    const only = await beginSession(auth, owner, { sessions_per_user: 1 })
    expect(await liveIds(owner)).toEqual([only.sessionId])
  })

  test('a tenant cannot choose more than the installation allows', async () => {
    const owner = await signUp(auth)
    for (let count = 0; count < 8; count += 1) await beginSession(auth, owner, { sessions_per_user: 100 })
    expect(await liveIds(owner)).toHaveLength(5)
  })

  test('the sessions of others do not count', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    for (let count = 0; count < 5; count += 1) await beginSession(auth, owner)
    expect(await liveIds(other)).toEqual([ownId(other)])
  })

  test('whatever is used in whichever order, the ones used last stay', async () => {
    const uses = fc.array(fc.nat({ max: 9 }), { minLength: 5, maxLength: 25 })
    await fc.assert(
      fc.asyncProperty(uses, async (order) => {
        const owner = await signUp(auth)
        let expected = [{ id: ownId(owner), token: owner.refreshToken }]
        for (const use of order) {
          const used = expected[use]
          if (used === undefined) {
            const { sessionId, refreshToken } = await beginSession(auth, owner)
            expected = [...expected, { id: sessionId, token: refreshToken }].slice(-5)
          } else {
            const token = (await refresh(used.token)).body.refresh_token
            expected = [...expected.filter((one) => one !== used), { id: used.id, token }]
          }
        }
        expect(await liveIds(owner)).toEqual(expected.map(({ id }) => id).sort())
      }),
      { numRuns: 15 },
    )
  })
})

describe('how long a session lives', () => {
  const days = async (id: string) => {
    const [row] = await auth.admin`
      select round(extract(epoch from expires_at - now()) / 86400)::int as lifetime,
        round(extract(epoch from idle_expires_at - now()) / 60)::int as idle_minutes
      from sessions where id = ${id}`
    return row
  }

  test('is what the installation says where the tenant says nothing', async () => {
    const owner = await signUp(auth)
    expect(await days(ownId(owner))).toEqual({ lifetime: 10, idle_minutes: 3 * 1440 })
  })

  test('is less where the tenant chose less, from the start and at every use', async () => {
    const owner = await signUp(auth)
    const settings = { session_lifetime_days: 2, session_idle_minutes: 30 }
    await chooseSettings(auth, owner, settings)
    const { sessionId, refreshToken } = await beginSession(auth, owner, settings)
    expect(await days(sessionId)).toEqual({ lifetime: 2, idle_minutes: 30 })
    await auth.admin`update sessions set idle_expires_at = now() + interval '1 minute' where id = ${sessionId}`
    await refresh(refreshToken)
    expect(await days(sessionId)).toEqual({ lifetime: 2, idle_minutes: 30 })
  })

  test('is not more where the tenant chose more', async () => {
    const owner = await signUp(auth)
    const settings = { session_lifetime_days: 365, session_idle_minutes: 525_600 }
    await chooseSettings(auth, owner, settings)
    const { sessionId, refreshToken } = await beginSession(auth, owner, settings)
    await refresh(refreshToken)
    expect(await days(sessionId)).toEqual({ lifetime: 10, idle_minutes: 3 * 1440 })
  })

  test.each([
    ['unused for longer', { session_idle_minutes: 30 }, 31, false],
    ['unused, but not so long', { session_idle_minutes: 30 }, 29, true],
    ['older', { session_lifetime_days: 1 }, 1441, false],
    ['not so old', { session_lifetime_days: 1 }, 1439, true],
  ])('when the rules become stricter, a session that is %s goes on or not by the new ones', async (...row) => {
    const [, settings, minutes, goesOn] = row
    const owner = await signUp(auth)
    await age(owner, minutes)
    expect(await isGranted(owner)).toBe(true)
    await chooseSettings(auth, owner, settings)
    expect(await isGranted(owner)).toBe(goesOn)
    const listed = await auth.call('GET', '/v1/auth/sessions', undefined, owner.caller)
    expect(listed.body.items).toHaveLength(goesOn ? 1 : 0)
    expect((await refresh(owner.refreshToken)).status).toBe(goesOn ? 200 : 401)
  })

  test('the stricter rules of the installation count for sessions that have begun too', async () => {
    const owner = await signUp(auth)
    await auth.admin`
      update sessions set expires_at = now() + interval '300 days', idle_expires_at = now() + interval '200 days',
        last_used_at = now() - interval '4 days'
      where id = ${ownId(owner)}`
    expect(await isGranted(owner)).toBe(false)
    expect((await refresh(owner.refreshToken)).status).toBe(401)
  })

  test('a grant ends when the session does', async () => {
    const owner = await signUp(auth)
    await chooseSettings(auth, owner, { session_idle_minutes: 30 })
    const question = { kind: 'session', session_id: ownId(owner), user_id: owner.userId }
    const gateway = { principal: { type: 'service', id: 'gateway' } } as const
    const { grant } = (await auth.call('POST', INTROSPECT_PATH, question, gateway)).body
    expect(Math.round((grant!.expiresAt - Date.now()) / 60_000)).toBe(30)
  })
})

describe('a sign-in that took its time', () => {
  const count = ({ userId }: Owner) => auth.admin`select count(*)::int from sessions where user_id = ${userId}`

  test.each([
    [
      'the user was deactivated',
      (owner: Owner) => auth.admin`update users set deactivated_at = now() where id = ${owner.userId}`,
    ],
    [
      'the tenant was suspended',
      (owner: Owner) => auth.admin`update tenants set suspended_at = now() where id = ${owner.tenantId}`,
    ],
    [
      'the password changed',
      (owner: Owner) => auth.admin`update users set password_hash = 'another' where id = ${owner.userId}`,
    ],
  ])('begins no session when %s meanwhile', async (_what, change) => {
    const owner = await signUp(auth)
    const [user] = await auth.admin<
      { password_hash: string }[]
    >`select password_hash from users where id = ${owner.userId}`
    await change(owner)
    const begin = beginSession(auth, owner, {}, { proof: { passwordHash: user!.password_hash } })
    await expect(begin).rejects.toMatchObject({ code: 'write_conflict' })
    expect(await count(owner)).toEqual([{ count: 1 }])
  })

  test('begins and ends none when the rest of it fails', async () => {
    const owner = await signUp(auth)
    await Promise.all(Array.from({ length: 4 }, () => beginSession(auth, owner)))
    const before = await liveIds(owner)
    await expect(beginSession(auth, owner, {}, { also: (tx) => [tx`select 1 / 0`] })).rejects.toThrow()
    expect(await liveIds(owner)).toEqual(before)
  })
})

describe('a session of a tenant that is suspended', () => {
  const suspend = ({ tenantId }: Owner, at: Date | null) =>
    auth.admin`update tenants set suspended_at = ${at} where id = ${tenantId}`

  test('does not go on, and does so with the same token when the tenant is resumed', async () => {
    const owner = await signUp(auth)
    await suspend(owner, new Date())
    expect(await refresh(owner.refreshToken)).toMatchObject({ status: 403, body: { code: 'tenant_suspended' } })
    await suspend(owner, null)
    expect((await refresh(owner.refreshToken)).status).toBe(200)
  })

  test('gives no successor again either, and still ends when a used token comes back', async () => {
    const owner = await signUp(auth)
    await refresh(owner.refreshToken)
    await suspend(owner, new Date())
    expect((await refresh(owner.refreshToken)).status).toBe(403)
    await auth.admin`
      update refresh_tokens set used_at = used_at - interval '1 minute' where session_id = ${ownId(owner)} and used_at is not null`
    expect(await refresh(owner.refreshToken)).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
    expect(await liveIds(owner)).toEqual([])
  })
})

test('a session of whom the tenant asks something first may still be continued', async () => {
  const owner = await signUp(auth)
  await chooseSettings(auth, owner, { totp_required: true })
  expect((await refresh(owner.refreshToken)).status).toBe(200)
})

import type { EventType } from '@memoric/contracts/event-types.ts'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { attemptPlace } from '../src/throttle/sign-in-throttle.ts'
import { beginSession, chooseSettings } from './begin-session.ts'
import { holdBlocks } from './hold-blocks.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, PASSWORD, signUp } from './sign-up.ts'
import { codeOf, enableTotp, forgetSteps, loginWith, signUpWithTotp, wrongCode } from './totp-user.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const revoked = useRevokedIds(auth)
afterEach(() => vi.restoreAllMocks())

const enroll = ({ caller }: Pick<Owner, 'caller'>, body: unknown = {}) =>
  auth.call('POST', '/v1/auth/totp/enroll', body, caller)
const confirm = ({ caller }: Pick<Owner, 'caller'>, code: string) =>
  auth.call('POST', '/v1/auth/totp/confirm', { code }, caller)
const disable = ({ caller }: Pick<Owner, 'caller'>) => auth.call('DELETE', '/v1/auth/totp', undefined, caller)

const login = (owner: Owner, totp?: string, password?: string) => loginWith(auth, owner, totp, password)

/** As the gateway would state it for the session of an answer. */
const callerOf = ({ caller }: Owner, token: string) => ({ ...caller, sessionId: String(decodeJwt(token)['sid']) })

const age = ({ caller }: Pick<Owner, 'caller'>, interval: string) =>
  auth.admin`update sessions set created_at = created_at - ${interval}::interval where id = ${caller.sessionId!}`

/** Lets the waits of an account end. */
/** From where tests call. */
const ADDRESS = '192.0.2.1'

const waitOut = () => auth.admin`update sign_in_attempts set blocked_until = null`

async function userOf({ userId }: Owner) {
  const [row] = await auth.admin<
    { sealed: Buffer | null; confirmed: boolean; step: string | null; codes: number; row: string }[]
  >`
    select totp_sealed as sealed, totp_confirmed_at is not null as confirmed, totp_last_step as step,
      cardinality(recovery_code_hashes) as codes, u::text as row
    from users u where id = ${userId}`
  return row!
}

async function eventsOf({ userId }: Owner, type: EventType) {
  return (await auth.events(type)).filter(({ data }) => data.resource_id === userId)
}

const reasonsOf = async (owner: Owner) => (await eventsOf(owner, 'auth.login.failed')).map(({ data }) => data.reason)

describe('an authenticator app', () => {
  test('is set up with a secret and counts once it has shown a code', async () => {
    const owner = await signUp(auth)
    const enrolled = await enroll(owner)
    expect(enrolled).toMatchObject({ status: 200, body: { secret: expect.stringMatching(/^[A-Z2-7]{32}$/) } })
    const { secret, otpauth_uri } = enrolled.body
    expect(otpauth_uri).toContain(encodeURIComponent(owner.email))
    expect((await login(owner)).status).toBe(200)
    const confirmed = await confirm(owner, await codeOf(secret))
    expect(confirmed).toMatchObject({ status: 200, body: { recovery_codes: Array(10).fill(expect.any(String)) } })
    expect((await auth.call('GET', '/v1/auth/me', undefined, owner.caller)).body.user.totp_enabled).toBe(true)
    const row = await userOf(owner)
    expect(row).toMatchObject({ confirmed: true, codes: 10 })
    for (const word of [secret, ...confirmed.body.recovery_codes]) {
      expect(row.row.toUpperCase()).not.toContain(word)
      expect(row.row.toUpperCase()).not.toContain(Buffer.from(word).toString('hex').toUpperCase())
    }
    for (const type of ['auth.totp.enrolled', 'auth.totp.enabled'] as const) {
      expect(await eventsOf(owner, type)).toMatchObject([
        { tenantid: owner.tenantId, actor: `user:${owner.userId}`, data: { outcome: 'success', status_code: 200 } },
      ])
    }
  })

  test.each([undefined, 'application/json'])('is set up without a body, of content type %s', async (type) => {
    const { caller } = await signUp(auth)
    const { callerHeaders } = await import('@memoric/testkit/sign-caller.ts')
    const { gatewayKey } = await import('./auth-settings.ts')
    const headers = { ...callerHeaders(gatewayKey, 'auth', caller), ...(type && { 'content-type': type }) }
    const answer = await auth.app.inject({ method: 'POST', url: '/v1/auth/totp/enroll', headers })
    expect(answer.statusCode).toBe(200)
  })

  test('that was not confirmed is replaced by the next', async () => {
    const owner = await signUp(auth)
    const first = (await enroll(owner)).body.secret
    const second = (await enroll(owner)).body.secret
    expect(await confirm(owner, await codeOf(first))).toMatchObject({ status: 401, body: { code: 'invalid_code' } })
    expect((await confirm(owner, await codeOf(second))).status).toBe(200)
  })

  test('that counts is neither replaced nor confirmed again', async () => {
    const owner = await signUpWithTotp(auth)
    const before = await userOf(owner)
    expect(await enroll(owner)).toMatchObject({ status: 409, body: { code: 'totp_enabled' } })
    const again = await confirm(owner, await codeOf(owner.secret, 1))
    expect(again).toMatchObject({ status: 409, body: { code: 'totp_enabled' } })
    expect(await userOf(owner)).toEqual(before)
  })

  test('that does not exist is not confirmed', async () => {
    const owner = await signUp(auth)
    expect(await confirm(owner, '123456')).toMatchObject({ status: 409, body: { code: 'totp_not_enrolled' } })
    expect(await disable(owner)).toMatchObject({ status: 409, body: { code: 'totp_not_enrolled' } })
  })

  test('signs out every other session when it begins to count', async () => {
    const owner = await signUp(auth)
    const others = [await beginSession(auth, owner), await beginSession(auth, owner)]
    const stranger = await signUp(auth)
    await enableTotp(auth, owner)
    const live = await auth.admin`select id from sessions where user_id = ${owner.userId} and revoked_at is null`
    expect([...live]).toEqual([{ id: owner.caller.sessionId }])
    for (const { sessionId } of others) {
      const [row] = await auth.admin`select revoked_reason from sessions where id = ${sessionId}`
      expect(row).toEqual({ revoked_reason: 'totp_enabled' })
    }
    const events = (await auth.events('auth.session.revoked')).filter(({ data }) => data.reason === 'totp_enabled')
    const ids = events.map(({ data }) => data.resource_id)
    expect(others.every(({ sessionId }) => ids.includes(sessionId))).toBe(true)
    const announced = [...others.map(({ sessionId }) => sessionId), owner.caller.sessionId]
    await expect.poll(() => announced.every((id) => revoked.includes(id!))).toBe(true)
    const [other] = await auth.admin`select revoked_at from sessions where id = ${stranger.caller.sessionId!}`
    expect(other).toEqual({ revoked_at: null })
  })

  test('is confirmed once, however many confirm at the same time', async () => {
    const owner = await signUp(auth)
    const code = await codeOf((await enroll(owner)).body.secret)
    const answers = await Promise.all(Array.from({ length: 6 }, () => confirm(owner, code)))
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(5)
    expect(await eventsOf(owner, 'auth.totp.enabled')).toHaveLength(1)
    expect((await login(owner, won[0]!.body.recovery_codes[0])).status).toBe(200)
  })
})

describe('setting up an authenticator app', () => {
  test('needs a sign-in of the last fifteen minutes, or the password', async () => {
    const owner = await signUp(auth)
    await age(owner, '14 minutes')
    expect((await enroll(owner)).status).toBe(200)
    await age(owner, '2 minutes')
    const before = await userOf(owner)
    expect(await enroll(owner)).toMatchObject({ status: 403, body: { code: 'recent_sign_in_required' } })
    expect(await userOf(owner)).toEqual(before)
    expect((await enroll(owner, { password: PASSWORD })).status).toBe(200)
  })

  test('compares a password that is given, and counts wrong ones like failed sign-ins', async () => {
    const owner = await signUp(auth)
    const before = await userOf(owner)
    const wrong = { password: 'something else entirely' }
    for (let i = 0; i < 6; i += 1) {
      expect(await enroll(owner, wrong)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
    }
    await holdBlocks(auth)
    const verify = vi.spyOn(auth.deps.passwords, 'verify')
    expect(await enroll(owner, { password: PASSWORD })).toMatchObject({
      status: 429,
      body: { code: 'sign_in_throttled' },
    })
    expect(verify).not.toHaveBeenCalled()
    expect((await login(owner)).status).toBe(429)
    expect(await userOf(owner)).toEqual(before)
    expect(await reasonsOf(owner)).toEqual([...Array<string>(6).fill('wrong_password'), 'throttled'])
  })

  test('counts wrong codes like failed sign-ins, and changes nothing for them', async () => {
    const owner = await signUp(auth)
    const { secret } = (await enroll(owner)).body
    const wrong = await wrongCode(secret)
    for (let i = 0; i < 6; i += 1) {
      expect(await confirm(owner, wrong)).toMatchObject({ status: 401, body: { code: 'invalid_code' } })
    }
    await holdBlocks(auth)
    expect((await confirm(owner, await codeOf(secret))).status).toBe(429)
    expect(await userOf(owner)).toMatchObject({ confirmed: false, codes: 0 })
    await waitOut()
    expect((await confirm(owner, await codeOf(secret))).status).toBe(200)
  })

  test.each(['enroll', 'confirm', 'disable'])('%s is for signed-in users of this tenant only', async (action) => {
    const [owner, stranger] = [await signUp(auth), await signUp(auth)]
    await enroll(owner)
    const act = (caller: Owner['caller']) =>
      action === 'disable'
        ? disable({ caller })
        : action === 'enroll'
          ? enroll({ caller })
          : confirm({ caller }, '123456')
    const before = await userOf(owner)
    expect(await act({})).toMatchObject({ status: 401, body: { code: 'authentication_required' } })
    const key = { ...owner.caller, principal: { type: 'api_key', id: owner.userId }, sessionId: null } as const
    expect(await act(key)).toMatchObject({ status: 403, body: { code: 'session_required' } })
    const foreign = { ...owner.caller, tenantId: stranger.caller.tenantId! }
    expect(await act(foreign)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    const borrowed = { ...owner.caller, sessionId: stranger.caller.sessionId! }
    expect(await act(borrowed)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    await auth.call('POST', '/v1/auth/logout', { refresh_token: owner.refreshToken })
    expect(await act(owner.caller)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    expect(await userOf(owner)).toEqual(before)
  })

  test.each([
    ['enroll', { password: 5 }, '/password'],
    ['enroll', { password: '' }, '/password'],
    ['enroll', { secret: 'GEZDGNBVGY3TQOJQ' }, '/secret'],
    ['enroll', [], ''],
    ['confirm', {}, '/code'],
    ['confirm', { code: '12345' }, '/code'],
    ['confirm', { code: 123456 }, '/code'],
    ['confirm', { code: '1'.repeat(65) }, '/code'],
  ])('%s refuses %j', async (action, body, pointer) => {
    const owner = await signUp(auth)
    const answer = await auth.call('POST', `/v1/auth/totp/${action}`, body, owner.caller)
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed', errors: [{ pointer }] } })
  })
})

describe('signing in with an authenticator app', () => {
  test('asks for a code after the right password only', async () => {
    const owner = await signUpWithTotp(auth)
    const wrong = await login(owner, undefined, 'something else entirely')
    expect(wrong).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
    const both = await login(owner, await codeOf(owner.secret, 1), 'something else entirely')
    expect(both).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
    expect(await login(owner)).toMatchObject({ status: 401, body: { code: 'totp_required' } })
    expect(await reasonsOf(owner)).toEqual(['wrong_password', 'wrong_password', 'totp_required'])
    expect((await login(owner, await codeOf(owner.secret, 1))).status).toBe(200)
  })

  test('is told with its second factor, and the session remembers it', async () => {
    const owner = await signUpWithTotp(auth)
    const { body } = await login(owner, await codeOf(owner.secret, 1))
    const session = String(decodeJwt(body.access_token)['sid'])
    const [row] = await auth.admin`select second_factor from sessions where id = ${session}`
    expect(row).toEqual({ second_factor: true })
    const events = (await auth.events('auth.login.succeeded')).filter(({ data }) => data.resource_id === session)
    expect(events).toMatchObject([{ data: { details: { method: 'password', second_factor: 'totp' } } }])
  })

  test('takes no code twice, neither that of the confirmation nor an older one', async () => {
    const owner = await signUpWithTotp(auth)
    const confirmedWith = await codeOf(owner.secret)
    expect(await login(owner, confirmedWith)).toMatchObject({ status: 401, body: { code: 'invalid_code' } })
    const next = await codeOf(owner.secret, 1)
    expect((await login(owner, next)).status).toBe(200)
    for (const code of [next, confirmedWith]) {
      expect(await login(owner, code)).toMatchObject({ status: 401, body: { code: 'invalid_code' } })
    }
    expect(await reasonsOf(owner)).toEqual(['used_code', 'used_code', 'used_code'])
  })

  test('takes the code of one user from that user only', async () => {
    const [owner, other] = [await signUpWithTotp(auth), await signUpWithTotp(auth)]
    const codes = [await codeOf(other.secret, 1), other.recoveryCodes[0]]
    for (const code of codes) {
      expect(await login(owner, code)).toMatchObject({ status: 401, body: { code: 'invalid_code' } })
    }
    expect(await userOf(other)).toMatchObject({ codes: 10 })
  })

  test('of twenty at the same time with one code, one begins a session', async () => {
    const owner = await signUpWithTotp(auth)
    const code = await codeOf(owner.secret, 1)
    const answers = await Promise.all(Array.from({ length: 20 }, () => login(owner, code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.every(({ status }) => [200, 401, 429].includes(status))).toBe(true)
    const sessions = await auth.admin`select 1 from sessions where user_id = ${owner.userId} and second_factor`
    expect(sessions).toHaveLength(1)
  })

  test('counts wrong codes like wrong passwords, whatever is tried in between', async () => {
    const owner = await signUpWithTotp(auth)
    const wrong = await wrongCode(owner.secret)
    for (let i = 0; i < 6; i += 1) {
      expect((await login(owner)).body.code).toBe('totp_required')
      expect(await login(owner, wrong)).toMatchObject({ status: 401, body: { code: 'invalid_code' } })
    }
    await holdBlocks(auth)
    expect((await login(owner, await codeOf(owner.secret, 1))).status).toBe(429)
    expect((await login(owner)).status).toBe(429)
    await waitOut()
    expect((await login(owner, await codeOf(owner.secret, 1))).status).toBe(200)
    const { network } = attemptPlace(auth.deps.keys, { email: owner.email, address: ADDRESS })
    const counters = await auth.admin`select failures from sign_in_attempts where key = ${network}`
    expect([...counters]).toEqual([{ failures: 0 }])
  })

  test('cannot be brute-forced: hundreds of guesses at once are six', async () => {
    const owner = await signUpWithTotp(auth)
    const before = await userOf(owner)
    const statuses: number[] = []
    for (let round = 0; round < 3; round += 1) {
      const guesses = Array.from({ length: 100 }, (_, i) => String(round * 100 + i).padStart(6, '0'))
      const answers = await Promise.all(guesses.map((guess) => login(owner, guess)))
      statuses.push(...answers.map(({ status }) => status))
      await auth.admin`update sign_in_attempts set blocked_until = clock_timestamp() + interval '1 minute' where failures > 5`
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(6)
    expect(statuses.filter((status) => status === 429)).toHaveLength(294)
    expect(await userOf(owner)).toEqual(before)
  })

  test('is not skipped by an attempt that began before the app was confirmed', async () => {
    const owner = await signUp(auth)
    const { passwords } = auth.deps
    const verify = passwords.verify.bind(passwords)
    vi.spyOn(passwords, 'verify').mockImplementationOnce(async (stored, password) => {
      const isRight = await verify(stored, password)
      await enableTotp(auth, owner)
      return isRight
    })
    expect(await login(owner)).toMatchObject({ status: 401, body: { code: 'totp_required' } })
    const live = await auth.admin`select id from sessions where user_id = ${owner.userId} and revoked_at is null`
    expect([...live]).toEqual([{ id: owner.caller.sessionId }])
  })
})

describe('a recovery code', () => {
  test('works once in the place of a code, however it is typed, and is told with how many are left', async () => {
    const owner = await signUpWithTotp(auth)
    const [first = '', second = ''] = owner.recoveryCodes
    expect((await login(owner, first)).status).toBe(200)
    expect(await login(owner, first)).toMatchObject({ status: 401, body: { code: 'invalid_code' } })
    expect((await login(owner, second.toLowerCase().replaceAll('-', ''))).status).toBe(200)
    expect(await userOf(owner)).toMatchObject({ codes: 8 })
    const events = await eventsOf(owner, 'auth.recovery_code.used')
    expect(events).toMatchObject([
      { tenantid: owner.tenantId, actor: `user:${owner.userId}`, data: { details: { left: 9 } } },
      { data: { details: { left: 8 } } },
    ])
    expect(JSON.stringify(await auth.admin`select payload from outbox`)).not.toContain(first)
  })

  test('works once, however many use it at the same time', async () => {
    const owner = await signUpWithTotp(auth)
    const [code] = owner.recoveryCodes
    const answers = await Promise.all(Array.from({ length: 6 }, () => login(owner, code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await userOf(owner)).toMatchObject({ codes: 9 })
    expect(await eventsOf(owner, 'auth.recovery_code.used')).toHaveLength(1)
  })

  test('that is wrong counts like a wrong code', async () => {
    const owner = await signUpWithTotp(auth)
    const wrong = 'AAAA-BBBB-CCCC-DDDD-EEEE-FFFF'
    for (let i = 0; i < 6; i += 1) expect((await login(owner, wrong)).body.code).toBe('invalid_code')
    await holdBlocks(auth)
    expect((await login(owner, owner.recoveryCodes[0])).status).toBe(429)
    expect(await userOf(owner)).toMatchObject({ codes: 10 })
  })
})

describe('taking an authenticator app out of use', () => {
  const signInAgain = async (owner: Awaited<ReturnType<typeof signUpWithTotp>>) => {
    await forgetSteps(auth, owner)
    const { body } = await login(owner, await codeOf(owner.secret))
    return { caller: callerOf(owner, body.access_token) }
  }

  test('needs a session that began lately and with a code; then the password is enough', async () => {
    const owner = await signUpWithTotp(auth)
    const refused = { status: 403, body: { code: 'recent_sign_in_required' } }
    expect(await disable(owner)).toMatchObject(refused)
    const fresh = await signInAgain(owner)
    await age(fresh, '16 minutes')
    expect(await disable(fresh)).toMatchObject(refused)
    expect(await userOf(owner)).toMatchObject({ confirmed: true, codes: 10 })
    expect(await disable(await signInAgain(owner))).toMatchObject({ status: 204, body: null })
    expect(await userOf(owner)).toMatchObject({ sealed: null, confirmed: false, codes: 0, step: null })
    expect(await eventsOf(owner, 'auth.totp.disabled')).toMatchObject([
      { tenantid: owner.tenantId, actor: `user:${owner.userId}`, data: { status_code: 204 } },
    ])
    expect((await login(owner)).status).toBe(200)
  })

  test('works with a recovery code when the telephone is gone', async () => {
    const owner = await signUpWithTotp(auth)
    const { body } = await login(owner, owner.recoveryCodes[3])
    expect((await disable({ caller: callerOf(owner, body.access_token) })).status).toBe(204)
    expect((await enroll({ caller: callerOf(owner, body.access_token) })).status).toBe(200)
  })

  test('is refused while the tenant asks for a second factor', async () => {
    const owner = await signUpWithTotp(auth)
    await chooseSettings(auth, owner, { totp_required: true })
    const refused = await disable(await signInAgain(owner))
    expect(refused).toMatchObject({ status: 409, body: { code: 'totp_required_by_tenant' } })
    expect(await userOf(owner)).toMatchObject({ confirmed: true })
  })

  test('waits until the password is one that can stand alone', async () => {
    const owner = await signUpWithTotp(auth)
    const fresh = await signInAgain(owner)
    const change = (from: string, to: string) => {
      const body = { current_password: from, new_password: to }
      return auth.call('POST', '/v1/auth/change-password', body, fresh.caller)
    }
    expect((await change(PASSWORD, 'short quokka')).status).toBe(204)
    expect(await disable(fresh)).toMatchObject({ status: 409, body: { code: 'password_too_short_alone' } })
    expect(await userOf(owner)).toMatchObject({ confirmed: true })
    expect((await change('short quokka', PASSWORD)).status).toBe(204)
    expect((await disable(fresh)).status).toBe(204)
  })

  test('happens once, however many ask at the same time', async () => {
    const owner = await signUpWithTotp(auth)
    const fresh = await signInAgain(owner)
    const answers = await Promise.all(Array.from({ length: 5 }, () => disable(fresh)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 409, 409, 409, 409])
    expect(await eventsOf(owner, 'auth.totp.disabled')).toHaveLength(1)
  })
})

import { CryptoError } from '@memoric/crypto/errors.ts'
import { systemFlight, tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { tenantScope } from '../src/tenant-scope.ts'
import { deleteOldAttempts, forgetFailures } from '../src/throttle/attempt-repository.ts'
import { attemptPlace } from '../src/throttle/sign-in-throttle.ts'
import { addAccount } from './add-account.ts'
import { holdBlocks } from './hold-blocks.ts'
import { PASSWORD, randomEmail, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
afterEach(() => vi.restoreAllMocks())

const HOME = '198.51.100.10'
const WRONG = 'something else entirely'

const login = (email: string, password = PASSWORD, clientAddress = HOME) =>
  auth.call('POST', '/v1/auth/login', { email, password }, { clientAddress })

/** Addresses of different networks. */
let networks = 0
const elsewhere = () => `10.${(networks += 1) >> 8}.${networks & 255}.1`

async function fail(email: string, times: number, address: () => string = () => HOME): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < times; i += 1) {
    statuses.push((await login(email, WRONG, address())).status)
    await holdBlocks(auth)
  }
  return statuses
}

const place = (email: string, address = HOME) => attemptPlace(auth.deps.keys, { email, address })

interface Counter {
  readonly failures: number
  readonly block: number | null
}

async function counterOf(key: Buffer): Promise<Counter | undefined> {
  const [row] = await auth.admin<Counter[]>`
    select failures, extract(epoch from blocked_until - last_failed_at)::float8 as block from sign_in_attempts where key = ${key}`
  return row
}

/** As if nothing had happened for a while. */
async function pass(email: string, interval: string): Promise<void> {
  const { account, network } = place(email)
  await auth.admin`
    update sign_in_attempts set last_failed_at = last_failed_at - ${interval}::interval,
      blocked_until = blocked_until - ${interval}::interval, last_success_at = last_success_at - ${interval}::interval,
      refused_told_at = refused_told_at - ${interval}::interval
    where key in (${account}, ${network})`
}

/** As if every block of the account was over. */
const waitOut = (email: string) => auth.admin`
  update sign_in_attempts set blocked_until = clock_timestamp() where blocked_until is not null and key = ${place(email).account}`

const failuresOf = async (email: string) =>
  (await auth.events('auth.login.failed')).filter((event) => auth.personalOf(event).email === email)

function countChecks(): () => number {
  const verify = vi.spyOn(auth.deps.passwords, 'verify')
  const verifyDummy = vi.spyOn(auth.deps.passwords, 'verifyDummy')
  return () => verify.mock.calls.length + verifyDummy.mock.calls.length
}

describe('failed sign-ins', () => {
  test('are free five times, then cost a wait in which not even the right password is looked at', async () => {
    const { email } = await signUp(auth)
    expect(await fail(email, 6)).toEqual(Array(6).fill(401))
    const checks = countChecks()
    const refused = await login(email)
    expect(refused).toMatchObject({ status: 429, body: { code: 'sign_in_throttled' } })
    expect(refused.headers['retry-after']).toMatch(/^[56]\d$/)
    expect(checks()).toBe(0)
    await pass(email, '63 seconds')
    expect((await login(email)).status).toBe(200)
  })

  test('make each wait twice as long as the one before, up to fifteen minutes', async () => {
    const email = randomEmail()
    await fail(email, 5)
    const waits: unknown[] = []
    for (let i = 0; i < 12; i += 1) {
      await pass(email, '16 minutes')
      await login(email, WRONG)
      waits.push((await counterOf(place(email).account))?.block)
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900])
    expect(Number((await login(email)).headers['retry-after'])).toBeGreaterThan(890)
  })

  test('that are refused do not prolong the wait', async () => {
    const email = randomEmail()
    await fail(email, 6)
    const before = await counterOf(place(email).account)
    expect(await fail(email, 20)).toEqual(Array(20).fill(429))
    expect(await counterOf(place(email).account)).toEqual(before)
  })

  test('are forgotten after a day without one', async () => {
    const email = randomEmail()
    await fail(email, 6)
    await pass(email, '23 hours')
    await login(email, WRONG)
    expect(await counterOf(place(email).account)).toEqual({ failures: 7, block: 4 })
    await pass(email, '25 hours')
    await fail(email, 1)
    expect(await counterOf(place(email).account)).toEqual({ failures: 1, block: null })
  })

  test('count for an e-mail however it is written', async () => {
    const { email } = await signUp(auth)
    await fail(email.toUpperCase(), 3)
    await fail(` ${email} `.trim(), 3)
    expect((await login(email)).status).toBe(429)
  })

  test('of an e-mail that nobody has are treated the same, to the letter', async () => {
    const [known, unknown] = [(await signUp(auth)).email, randomEmail()]
    const answers = async (email: string) => {
      const all: unknown[] = []
      for (let i = 0; i < 8; i += 1) {
        await holdBlocks(auth)
        const { status, headers, body } = await login(email, WRONG)
        const waits = 'retry-after' in headers
        all.push({
          status,
          headers: { ...headers, date: null, 'retry-after': waits },
          body: { ...body, request_id: null },
        })
      }
      expect(all.at(-1)).toMatchObject({ status: 429, headers: { 'retry-after': true } })
      return all
    }
    expect(await answers(unknown)).toEqual(await answers(known))
  })

  test('of one account do not touch another', async () => {
    const [first, second] = [await signUp(auth), await signUp(auth)]
    await fail(first.email, 7)
    expect((await login(second.email)).status).toBe(200)
  })

  test('because there is too much to do do not count', async () => {
    const { email } = await signUp(auth)
    const { account, network } = place(email)
    await login(email)
    for (const error of [new CryptoError('busy'), new Error('something broke')]) {
      vi.spyOn(auth.deps.passwords, 'verify').mockRejectedValueOnce(error)
      expect((await login(email)).status).toBeGreaterThanOrEqual(500)
      expect(await counterOf(account)).toMatchObject({ failures: 0, block: null })
      expect(await counterOf(network)).toMatchObject({ failures: 0, block: null })
    }
  })
})

describe('guesses at the same time', () => {
  test('are looked at no more often than guesses one after the other', async () => {
    const { email } = await signUp(auth)
    const checks = countChecks()
    const answers = await Promise.all(Array.from({ length: 100 }, () => login(email, WRONG)))
    expect(checks()).toBe(6)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(6)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(94)
  })

  test('from as many networks as you like neither', async () => {
    const email = randomEmail()
    const checks = countChecks()
    await Promise.all(Array.from({ length: 100 }, () => login(email, WRONG, elsewhere())))
    expect(checks()).toBe(6)
  })

  test('may have the right password among them, which forgives them all', async () => {
    const { email } = await signUp(auth)
    const answers = await Promise.all([...Array<string>(4).fill(WRONG), PASSWORD].map((word) => login(email, word)))
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 200])
    expect((await login(email)).status).toBe(200)
    expect(await counterOf(place(email).network)).toEqual({ failures: 0, block: null })
  })
})

describe('a stranger', () => {
  test('cannot lock out an owner who comes from where the owner signed in before', async () => {
    const { email } = await signUp(auth)
    expect((await login(email)).status).toBe(200)
    for (let i = 0; i < 12; i += 1) {
      await waitOut(email)
      expect((await login(email, WRONG, elsewhere())).status).toBe(401)
    }
    expect((await login(email, PASSWORD, elsewhere())).status).toBe(429)
    expect((await login(email, PASSWORD, '198.51.100.200')).status).toBe(200)
    expect((await login(email)).status).toBe(200)
  })

  test('gets no fresh start from the sign-ins of the owner', async () => {
    const { email } = await signUp(auth)
    await login(email)
    await fail(email, 5, elsewhere)
    await fail(email, 3)
    expect((await login(email)).status).toBe(200)
    expect(await counterOf(place(email).account)).toMatchObject({ failures: 5 })
    expect(await fail(email, 2, elsewhere)).toEqual([401, 429])
  })

  test('who shares the network of the owner waits like anybody', async () => {
    const { email } = await signUp(auth)
    await login(email)
    expect(await fail(email, 7)).toEqual([...Array<number>(6).fill(401), 429])
  })

  test('is not helped by an owner who signed in from the same network more than ninety days ago', async () => {
    const { email } = await signUp(auth)
    await login(email)
    await pass(email, '89 days')
    await fail(email, 6, elsewhere)
    expect((await login(email)).status).toBe(200)
    await pass(email, '91 days')
    await fail(email, 6, elsewhere)
    expect((await login(email)).status).toBe(429)
  })

  test('does not make the failures of an owner count for longer', async () => {
    const { email } = await signUp(auth)
    await fail(email, 2, elsewhere)
    await pass(email, '20 hours')
    await login(email)
    await pass(email, '5 hours')
    await fail(email, 1, elsewhere)
    expect(await counterOf(place(email).account)).toMatchObject({ failures: 1 })
  })

  test('with addresses of one IPv6 network has one counter', async () => {
    const { email } = await signUp(auth)
    await login(email, PASSWORD, '2001:db8:1:2::1')
    const address = () => `2001:db8:1:2:${(networks += 1).toString(16)}::9`
    expect(await fail(email, 7, address)).toEqual([...Array<number>(6).fill(401), 429])
    expect((await login(email, PASSWORD, '2001:db8:1:3::1')).status).toBe(429)
  })

  test('who floods a blocked account fills no log: one event every ten seconds says how many attempts there were', async () => {
    const owner = await signUp(auth)
    await fail(owner.email, 6)
    await fail(owner.email, 30)
    const [first, ...more] = (await failuresOf(owner.email)).filter(({ data }) => data.reason === 'throttled')
    expect(more).toEqual([])
    expect(first).toMatchObject({
      tenantid: owner.tenantId,
      data: { resource_id: owner.userId, outcome: 'denied', status_code: 429, details: { attempts: 1 } },
    })
    await auth.admin`
      update sign_in_attempts set refused_told_at = refused_told_at - interval '11 seconds'
      where key = ${place(owner.email).account}`
    await fail(owner.email, 10)
    const told = (await failuresOf(owner.email)).filter(({ data }) => data.reason === 'throttled')
    expect(told.map(({ data }) => data.details)).toEqual([{ attempts: 1 }, { attempts: 30 }])
  })
})

describe('somebody who makes an account of their own for the e-mail of another', () => {
  const OWN = 'what the stranger chose'

  const loginTo = (email: string, tenant: string, password: string, clientAddress = HOME) =>
    auth.call('POST', '/v1/auth/login', { email, password, tenant }, { clientAddress })

  /** An owner, and a tenant in which a stranger has an account with the same e-mail. */
  async function beset() {
    const [owner, { tenantId }] = [await signUp(auth), await signUp(auth)]
    const userId = await addAccount(auth, owner.email, tenantId, OWN)
    return { ...owner, stranger: { tenantId, userId } }
  }

  test('signs in, which counts for nothing and forgives no guess at the other', async () => {
    const { email, stranger } = await beset()
    expect(await fail(email, 5)).toEqual(Array(5).fill(401))
    for (let i = 0; i < 3; i += 1) expect((await loginTo(email, stranger.tenantId, OWN)).status).toBe(200)
    expect(await counterOf(place(email).account)).toEqual({ failures: 5, block: null })
    expect(await fail(email, 2)).toEqual([401, 429])
  })

  test('makes no network known from which only its own failures would count', async () => {
    const { email, stranger } = await beset()
    expect((await loginTo(email, stranger.tenantId, OWN)).status).toBe(200)
    await fail(email, 6, elsewhere)
    expect((await login(email, WRONG)).status).toBe(429)
  })

  test('cannot guess with the own password: it counts where it is tried on both', async () => {
    const { email } = await beset()
    for (let i = 0; i < 6; i += 1) expect((await login(email, OWN)).status).toBe(200)
    expect((await login(email, OWN)).status).toBe(429)
  })

  test('nor where the own account asks for a code, or may not be signed in to', async () => {
    const { email, stranger } = await beset()
    await auth.admin`
      update users set totp_sealed = '\\x00', totp_confirmed_at = now() where id = ${stranger.userId}`
    for (let i = 0; i < 3; i += 1) expect((await login(email, OWN)).body.code).toBe('totp_required')
    await auth.admin`update tenants set suspended_at = now() where id = ${stranger.tenantId}`
    for (let i = 0; i < 3; i += 1) expect((await login(email, OWN)).body.code).toBe('tenant_suspended')
    expect((await login(email, OWN)).status).toBe(429)
  })

  test('is not taken for the person whom a mail has reached, though that one came later', async () => {
    const { email, userId, tenantId, stranger } = await beset()
    await auth.admin`update users set created_at = created_at - interval '1 day' where id = ${stranger.userId}`
    await auth.admin`update users set email_verified_at = now() where id = ${userId}`
    await fail(email, 5)
    expect((await loginTo(email, stranger.tenantId, OWN)).status).toBe(200)
    expect(await counterOf(place(email).network)).toMatchObject({ failures: 5 })
    expect((await loginTo(email, tenantId, PASSWORD)).status).toBe(200)
    expect(await counterOf(place(email).network)).toMatchObject({ failures: 0 })
  })

  test('takes nothing from the other by an account without a password for which a provider of their own vouches', async () => {
    const [{ email }, { tenantId }] = [await signUp(auth), await signUp(auth)]
    const userId = await addAccount(auth, email, tenantId, null)
    await auth.admin`update users set email_verified_at = now() where id = ${userId}`
    await fail(email, 3)
    expect((await login(email)).status).toBe(200)
    expect(await counterOf(place(email).network)).toMatchObject({ failures: 0 })
  })
})

test('a new password forgets failures from anywhere and from where it was set', async () => {
  const { email, tenantId } = await signUp(auth)
  await fail(email, 6)
  await tenantFlight(auth.deps.sql, tenantScope(tenantId), (tx) => forgetFailures(tx, place(email)))
  expect((await login(email)).status).toBe(200)
})

test('a thief of the database reads no e-mail or address in the counters, and outside of a transaction there are none', async () => {
  const email = randomEmail()
  await fail(email, 1)
  const rows = await auth.admin<{ key: Buffer }[]>`select key from sign_in_attempts`
  expect(rows.map(({ key }) => key.length)).toEqual(Array(rows.length).fill(32))
  expect(JSON.stringify(rows.map(({ key }) => key.toString('latin1')))).not.toMatch(/example\.com|198\.51/)
  expect(await auth.deps.sql`select 1 from sign_in_attempts`).toHaveLength(0)
})

test('counters that say nothing any more are deleted, others stay', async () => {
  const [failed, known, both] = [randomEmail(), (await signUp(auth)).email, (await signUp(auth)).email]
  await fail(failed, 1)
  await login(known)
  await login(both)
  await fail(both, 1)
  const clean = () => systemFlight(auth.deps.sql, (tx) => [deleteOldAttempts(tx, 1000)])
  const left = async () => {
    const keys = [failed, known, both].map((email) => place(email))
    const counters = keys.map(async ({ account, network }) => [await counterOf(account), await counterOf(network)])
    return (await Promise.all(counters)).map((pair) => pair.map((counter) => counter !== undefined))
  }
  await clean()
  expect(await left()).toEqual([
    [true, true],
    [true, true],
    [true, true],
  ])
  for (const email of [failed, known, both]) await pass(email, '2 days')
  await clean()
  expect(await left()).toEqual([
    [false, false],
    [false, true],
    [false, true],
  ])
  for (const email of [known, both]) await pass(email, '90 days')
  await clean()
  expect((await left()).flat()).not.toContain(true)
})

test('sign-ins beyond forty at once are asked to come again, and count for nothing', async () => {
  let release = (): void => undefined
  const gate = new Promise<false>((resolve) => (release = () => resolve(false)))
  vi.spyOn(auth.deps.passwords, 'verifyDummy').mockReturnValue(gate)
  const emails = Array.from({ length: 60 }, randomEmail)
  const early: unknown[] = []
  const answers = emails.map(async (email) => {
    const answer = await login(email)
    early.push(answer)
    return answer
  })
  await expect.poll(() => early).toHaveLength(20)
  for (const answer of early) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'overloaded' }, headers: { 'retry-after': '1' } })
  }
  const late = randomEmail()
  expect((await login(late)).status).toBe(503)
  expect(await counterOf(place(late).account)).toBeUndefined()
  release()
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  const counters = await Promise.all(emails.map((email) => counterOf(place(email).account)))
  expect(counters.map((counter) => counter?.failures ?? 0)).toEqual(statuses.map((status) => (status === 401 ? 1 : 0)))
  expect((await login(late)).status).toBe(401)
})

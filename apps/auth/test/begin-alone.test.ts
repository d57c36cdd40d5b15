import { tenantId as tenantIdOf } from '@memoric/contracts/ids.ts'
import { loginBody } from '@memoric/contracts/auth-contract.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { ask } from '@memoric/postgres/transaction.ts'
import type { TransactionSql } from 'postgres'
import { describe, expect, test } from 'vitest'
import { internalContext } from '../src/internal-context.ts'
import { login } from '../src/sessions/login.ts'
import { tenantScope } from '../src/tenant-scope.ts'
import { containTenant } from '../src/tenants/containment.ts'
import { attemptPlace } from '../src/throttle/sign-in-throttle.ts'
import { anonymousContext, chooseSettings } from './begin-session.ts'
import { countFlights } from './count-flights.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, PASSWORD, signUp } from './sign-up.ts'
import { enableTotp } from './totp-user.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ SESSIONS_PER_USER: '5' })
const revoked = useRevokedIds(auth)

const HOME = '198.51.100.20'

const signIn = ({ email }: Owner) =>
  auth.call('POST', '/v1/auth/login', { email, password: PASSWORD }, { clientAddress: HOME })

const live = ({ userId }: Owner) =>
  auth.admin<{ id: string }[]>`select id from sessions where user_id = ${userId} and revoked_at is null order by id`

/** How many sign-ins the user has had: the session of the registration counts. */
const begun = async ({ userId }: Owner) => (await auth.admin`select from sessions where user_id = ${userId}`).length

const signedIn = async ({ tenantId }: Owner) =>
  (await auth.events('auth.login.succeeded')).filter(({ tenantid }) => tenantid === tenantId)

async function failuresAt({ email }: Owner): Promise<(number | undefined)[]> {
  const { account, network } = attemptPlace(auth.deps.keys, { email, address: HOME })
  const rows = await auth.admin<{ key: Buffer; failures: number }[]>`
    select key, failures from sign_in_attempts where key in (${account}, ${network})`
  return [account, network].map((key) => rows.find((row) => row.key.equals(key))?.failures)
}

/** Signs in while somebody else holds the lock of the user, changes something, and lets go. */
async function signInBeside(owner: Owner, change: (tx: TransactionSql) => Promise<unknown>) {
  const result = auth.admin.begin(async (tx) => {
    await tx`select from users where id = ${owner.userId} for update`
    const answer = signIn(owner)
    await waitingBackend()
    await change(tx)
    return { answer }
  })
  return (await result).answer
}

/** The backend that waits for the lock of a user. */
async function waitingBackend(): Promise<number> {
  const waiting = () => auth.admin<{ pid: number }[]>`
    select pid from pg_stat_activity
    where application_name = 'memoric-auth' and wait_event_type = 'Lock' and query like '%begin_session%'`
  await expect.poll(async () => (await waiting()).length, { timeout: 10_000, interval: 10 }).toBe(1)
  return (await waiting())[0]!.pid
}

describe('a sign-in by password alone', () => {
  test('asks the database twice: before the password is compared, and after', async () => {
    const owner = await signUp(auth)
    const { deps, flights } = countFlights(auth.deps)
    const body = loginBody.parse({ email: owner.email, password: PASSWORD })
    const call = { body, headers: undefined, params: undefined, query: undefined, context: anonymousContext }
    expect(await login(deps)(call)).toMatchObject({ status: 200 })
    expect(flights()).toBe(2)
  })

  test('stores its session as one that began in steps', async () => {
    const owner = await signUp(auth)
    await chooseSettings(auth, owner, { session_lifetime_days: 2, session_idle_minutes: 90 })
    const { status, body } = await signIn(owner)
    expect(status).toBe(200)
    const rows = await auth.admin`
      select s.method, s.provider_id, s.second_factor, s.client_sealed is not null as client,
        extract(epoch from s.expires_at - s.created_at)::int / 3600 as hours,
        extract(epoch from s.idle_expires_at - s.created_at)::int / 60 as minutes, s.last_used_at = s.created_at as used,
        u.last_sign_in_at = s.created_at as noted
      from sessions s join users u on u.id = s.user_id
      where s.user_id = ${owner.userId} and s.method = 'password'`
    expect([...rows]).toEqual([
      {
        method: 'password',
        provider_id: null,
        second_factor: false,
        client: true,
        hours: 48,
        minutes: 90,
        used: true,
        noted: true,
      },
    ])
    expect((await auth.call('POST', '/v1/auth/refresh', { refresh_token: body.refresh_token })).status).toBe(200)
    expect(await failuresAt(owner)).toEqual([0, 0])
  })

  test.each<[string, (owner: Owner) => (tx: TransactionSql) => Promise<unknown>, number, string]>([
    [
      'the user is deactivated',
      ({ userId }) =>
        (tx) =>
          tx`update users set deactivated_at = now() where id = ${userId}`,
      401,
      'invalid_credentials',
    ],
    [
      'the tenant is suspended',
      ({ tenantId }) =>
        (tx) =>
          tx`update tenants set suspended_at = now() where id = ${tenantId}`,
      403,
      'tenant_suspended',
    ],
    [
      'the password changes',
      ({ userId }) =>
        (tx) =>
          tx`update users set password_hash = ${NOBODYS_HASH} where id = ${userId}`,
      401,
      'invalid_credentials',
    ],
    [
      'an authenticator app begins to count',
      ({ userId }) =>
        (tx) =>
          tx`update users set totp_sealed = '\\x00', totp_confirmed_at = now() where id = ${userId}`,
      401,
      'totp_required',
    ],
    [
      'the password goes',
      ({ userId }) =>
        (tx) =>
          tx`update users set password_hash = null where id = ${userId}`,
      401,
      'invalid_credentials',
    ],
  ])('begins no session when %s while it waits for the user', async (_what, change, status, code) => {
    const owner = await signUp(auth)
    expect(await signInBeside(owner, change(owner))).toMatchObject({ status, body: { code } })
    expect(await begun(owner)).toBe(1)
    expect(await signedIn(owner)).toEqual([])
  })

  test('begins none when the user is removed while it waits', async () => {
    const owner = await signUp(auth)
    const remove = async (tx: TransactionSql) => {
      await tx`delete from sessions where user_id = ${owner.userId}`
      await tx`delete from users where id = ${owner.userId}`
    }
    expect(await signInBeside(owner, remove)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
    expect(await begun(owner)).toBe(0)
  })

  test('counts the sessions that began while it waited', async () => {
    const owner = await signUp(auth)
    for (let count = 0; count < 3; count += 1) await signIn(owner)
    const answer = await signInBeside(
      owner,
      (tx) => tx`
        insert into sessions (tenant_id, id, user_id, expires_at, idle_expires_at)
        values (${owner.tenantId}, gen_random_uuid(), ${owner.userId}, now() + interval '1 day', now() + interval '1 day')`,
    )
    expect(answer.status).toBe(200)
    expect(await live(owner)).toHaveLength(5)
  })

  test('begins none, and is no failure, when the connection is lost while it waits', async () => {
    const owner = await signUp(auth)
    const answer = await signInBeside(
      owner,
      async () => auth.admin`select pg_terminate_backend(${await waitingBackend()})`,
    )
    expect(answer).toMatchObject({ status: 503, body: { code: 'service_unavailable' } })
    expect([await begun(owner), await signedIn(owner), await failuresAt(owner)]).toEqual([1, [], [0, 0]])
    expect((await signIn(owner)).status).toBe(200)
  })

  test('begins none when its event cannot be written', async () => {
    const owner = await signUp(auth)
    const [{ last_sign_in_at: before } = {}] = await auth.admin<{ last_sign_in_at: Date | null }[]>`
      select last_sign_in_at from users where id = ${owner.userId}`
    await auth.admin.unsafe('alter table outbox add constraint refused check (false) not valid')
    const refused = await signIn(owner).finally(() => auth.admin.unsafe('alter table outbox drop constraint refused'))
    expect(refused.status).toBe(500)
    const [user] = await auth.admin<{ last_sign_in_at: Date | null }[]>`
      select last_sign_in_at from users where id = ${owner.userId}`
    expect(user?.last_sign_in_at).toEqual(before)
    expect([await begun(owner), await failuresAt(owner)]).toEqual([1, [0, 0]])
    expect((await signIn(owner)).status).toBe(200)
  })
})

describe('many sign-ins by password alone at the same time', () => {
  test('leave as many sessions as may be, and each that ended is told once, to the log and to gateways', async () => {
    const owner = await signUp(auth)
    const answers = await Promise.all(Array.from({ length: 12 }, () => signIn(owner)))
    // Beyond five at once they are counted as failures until they turn out to be none.
    const through = answers.filter(({ status }) => status === 200).length
    expect(through).toBeGreaterThanOrEqual(5)
    expect(await live(owner)).toHaveLength(5)
    expect(await signedIn(owner)).toHaveLength(through)
    const events = (await auth.events('auth.session.revoked')).filter(({ tenantid }) => tenantid === owner.tenantId)
    const ended = events.map(({ data }) => data.resource_id)
    expect(ended).toHaveLength(through + 1 - 5)
    expect(new Set(ended).size).toBe(ended.length)
    await expect.poll(() => ended.every((id) => id !== null && revoked.includes(id))).toBe(true)
  })

  test('leave none when the tenant is contained meanwhile', async () => {
    const owner = await signUp(auth)
    const contain = () =>
      tenantTransaction(auth.deps.sql, tenantScope(owner.tenantId), (tx) =>
        containTenant(
          tx,
          auth.deps,
          { tenantId: tenantIdOf.parse(owner.tenantId), statusCode: null },
          internalContext('operator:a-test'),
        ),
      )
    const before = Array.from({ length: 4 }, () => signIn(owner))
    const [first] = before
    await Promise.race([first, ...before])
    await Promise.all([contain(), ...before, signIn(owner), signIn(owner)])
    expect(await live(owner)).toEqual([])
  })

  test('one of them with an authenticator app that begins to count: no session stays that has no code', async () => {
    const owner = await signUp(auth)
    const before = Array.from({ length: 3 }, () => signIn(owner))
    await Promise.race(before)
    await enableTotp(auth, owner)
    await Promise.all(before)
    expect(await live(owner)).toEqual([{ id: owner.caller.sessionId }])
  })
})

describe('what begins a session in the database', () => {
  const call = (tenantId: string, userId: string, hash: string | null) =>
    ask(
      auth.deps.sql,
      (tx) => tx`
        select memoric.begin_session(${tenantId}, ${userId}, ${hash}, null, 5, gen_random_uuid(), 1, 1, '\\x00', ${Buffer.alloc(32, 1)},
          ${Buffer.alloc(32, 2)}, ${Buffer.alloc(32, 3)}, 5, now(), null, null, gen_random_uuid(), 's', '{}')`,
    )

  test('takes a user of its tenant only, and none without a password', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const [user] = await auth.admin<{ password_hash: string }[]>`
      select password_hash from users where id = ${owner.userId}`
    await expect(call(other.tenantId, owner.userId, user!.password_hash)).rejects.toMatchObject({ code: 'MA001' })
    await auth.admin`update users set password_hash = null where id = ${owner.userId}`
    await expect(call(owner.tenantId, owner.userId, null)).rejects.toMatchObject({ code: 'MA001' })
    expect([await begun(owner), await begun(other)]).toEqual([1, 1])
  })

  test('leaves no scope behind on the connection, whether or not it succeeds', async () => {
    const owner = await signUp(auth)
    expect((await signIn(owner)).status).toBe(200)
    await expect(call(owner.tenantId, owner.userId, 'another')).rejects.toMatchObject({ code: 'MA001' })
    const seen = await Promise.all(
      Array.from({ length: 10 }, () =>
        ask(auth.deps.sql, (tx) => tx`select memoric.tenant_id() as tenant, count(*)::int from users`),
      ),
    )
    for (const [row] of seen) expect(row).toEqual({ tenant: null, count: 0 })
  })
})

const NOBODYS_HASH = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

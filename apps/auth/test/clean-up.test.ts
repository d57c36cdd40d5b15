import { randomBytes, randomUUID } from 'node:crypto'
import { createClient } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { cleanUp } from '../src/clean-up/clean-up.ts'
import { beginSession } from './begin-session.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const log = createLogger({ app: 'auth', level: 'silent' })
const clean = (batch = 1000, rounds = 200) => cleanUp({ sql: auth.deps.sql, log, batch, rounds })
const hash = () => randomBytes(32)
let owner: Owner

beforeEach(async () => {
  owner = await signUp(auth)
})

async function count(table: string): Promise<number> {
  const [row] = await auth.admin<[{ rows: number }]>`select count(*)::int as rows from ${auth.admin(table)}`
  return row.rows
}

const endSession = (id: string, column: string, days: number) => auth.admin`
  update sessions set ${auth.admin(column)} = now() - make_interval(days => ${days}),
    revoked_reason = ${column === 'revoked_at' ? 'logout' : null}
  where id = ${id}`

async function exists(table: string, id: string): Promise<boolean> {
  return (await auth.admin`select 1 from ${auth.admin(table)} where id = ${id}`).length === 1
}

const insertInvitation = (columns: { expires_at: string; accepted_at?: string; revoked_at?: string }) => {
  const id = randomUUID()
  const row = {
    tenant_id: owner.tenantId,
    id,
    token_hash: hash(),
    mailed_token_hash: hash(),
    email_index: hash(),
    email_sealed: hash(),
    role: 'user',
    ...columns,
  }
  return auth.admin`insert into invitations ${auth.admin(row)}`.then(() => id)
}

const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString()

describe('a session', () => {
  test.each(['revoked_at', 'expires_at', 'idle_expires_at'])(
    'goes with its tokens thirty days after its %s, and not before',
    async (column) => {
      const [old, younger] = [await beginSession(auth, owner), await beginSession(auth, owner)]
      await auth.call('POST', '/v1/auth/refresh', { refresh_token: old.refreshToken })
      await endSession(old.sessionId, column, 31)
      await endSession(younger.sessionId, column, 29)
      const tokens = await count('refresh_tokens')
      expect(await clean()).toMatchObject({ sessions: 1, refresh_tokens: 2 })
      expect(await exists('sessions', old.sessionId)).toBe(false)
      expect(await exists('sessions', younger.sessionId)).toBe(true)
      expect(await count('refresh_tokens')).toBe(tokens - 2)
    },
  )

  test('that is live keeps its used tokens, however old: one that comes back still ends it', async () => {
    await auth.call('POST', '/v1/auth/refresh', { refresh_token: owner.refreshToken })
    await auth.admin`
      update refresh_tokens set created_at = now() - interval '300 days', used_at = now() - interval '300 days'
      where used_at is not null`
    expect(await clean()).toMatchObject({ sessions: 0, refresh_tokens: 0 })
    const again = await auth.call('POST', '/v1/auth/refresh', { refresh_token: owner.refreshToken })
    expect(again).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
  })
})

describe('an invitation', () => {
  test.each([
    ['that expired', () => ({ expires_at: ago(91) }), () => ({ expires_at: ago(89) })],
    [
      'that was accepted',
      () => ({ expires_at: ago(88), accepted_at: ago(91) }),
      () => ({ expires_at: ago(88), accepted_at: ago(89) }),
    ],
    [
      'that was revoked',
      () => ({ expires_at: ago(-30), revoked_at: ago(91) }),
      () => ({ expires_at: ago(-30), revoked_at: ago(89) }),
    ],
  ])('%s goes ninety days later, and not before', async (_what, old, younger) => {
    const [gone, kept] = [await insertInvitation(old()), await insertInvitation(younger())]
    expect(await clean()).toMatchObject({ invitations: 1 })
    expect(await exists('invitations', gone)).toBe(false)
    expect(await exists('invitations', kept)).toBe(true)
  })
})

test('tokens that were mailed, attempts at a provider and failed sign-ins go when they say nothing any more', async () => {
  for (const expiresAt of [ago(0.01), ago(-1)]) {
    await auth.admin`
      insert into one_time_tokens (tenant_id, hash, user_id, purpose, expires_at)
      values (${owner.tenantId}, ${hash()}, ${owner.userId}, 'password_reset', ${expiresAt})`
    await auth.admin`
      insert into sso_attempts (state_hash, provider_id, attempt_sealed, expires_at)
      values (${hash()}, ${randomUUID()}, ${hash()}, ${expiresAt})`
  }
  const attempts = [
    { key: hash(), last_failed_at: ago(400) },
    { key: hash(), last_failed_at: ago(400), last_success_at: ago(400) },
    { key: hash(), last_failed_at: ago(400), last_success_at: ago(1) },
    { key: hash(), last_failed_at: ago(0.1) },
  ]
  for (const attempt of attempts) await auth.admin`insert into sign_in_attempts ${auth.admin(attempt)}`
  expect(await clean()).toMatchObject({ one_time_tokens: 1, sso_attempts: 1, sign_in_attempts: 2 })
  expect(await clean()).toMatchObject({ one_time_tokens: 0, sso_attempts: 0, sign_in_attempts: 0 })
  for (const { key } of attempts.slice(2)) {
    expect(await auth.admin`select 1 from sign_in_attempts where key = ${key}`).toHaveLength(1)
  }
})

describe('however much there is', () => {
  const plant = (rows: number) => auth.admin`
    insert into sso_attempts (state_hash, provider_id, attempt_sealed, expires_at)
    select sha256(random()::text::bytea || n::text::bytea), gen_random_uuid(), '', now() - interval '1 day'
    from generate_series(1, ${rows}) n`
  const expired = () => auth.admin`select 1 from sso_attempts where expires_at < now()`

  test('it goes in batches', async () => {
    await plant(35)
    expect(await clean(10)).toMatchObject({ sso_attempts: 35 })
    expect(await expired()).toHaveLength(0)
  })

  test('no more than so many batches at a time; the rest goes the next time', async () => {
    await plant(35)
    expect(await clean(10, 2)).toMatchObject({ sso_attempts: 20 })
    expect(await clean(10, 2)).toMatchObject({ sso_attempts: 15 })
  })

  test('of several at once each row goes once, and nobody waits', async () => {
    await plant(60)
    const all = await Promise.all(Array.from({ length: 5 }, () => clean(10)))
    expect(all.reduce((sum, { sso_attempts }) => sum + sso_attempts, 0)).toBeLessThanOrEqual(60)
    await clean()
    expect(await expired()).toHaveLength(0)
  })
})

describe('while somebody else', () => {
  /** A transaction of somebody else that stays open until the test ends. */
  async function hold(statement: (sql: ReturnType<typeof createClient>) => PromiseLike<unknown>) {
    const sql = createClient({ url: auth.database.adminUrl, max: 1 })
    onTestFinished(() => sql.end())
    const held = await sql.reserve()
    await held`begin`
    // A reserved connection takes statements as the client does.
    await statement(held as never)
    onTestFinished(async () => {
      await held`rollback`
      held.release()
    })
  }

  test('cleans up, this one does nothing', async () => {
    const session = await beginSession(auth, owner)
    await endSession(session.sessionId, 'revoked_at', 31)
    await hold((sql) => sql`select pg_advisory_xact_lock(5133872)`)
    expect(await clean()).toMatchObject({ sessions: 0, refresh_tokens: 0 })
    expect(await exists('sessions', session.sessionId)).toBe(true)
  })

  test('holds a row, it is left and the others go', async () => {
    const [held, free] = [await beginSession(auth, owner), await beginSession(auth, owner)]
    for (const { sessionId } of [held, free]) await endSession(sessionId, 'revoked_at', 31)
    await hold((sql) => sql`select 1 from sessions where id = ${held.sessionId} for update`)
    await clean()
    expect(await exists('sessions', held.sessionId)).toBe(true)
    expect(await exists('sessions', free.sessionId)).toBe(false)
  })
})

test('the system can hold rows of tenants, and change none of them', async () => {
  await expect(
    systemFlight(auth.deps.sql, (tx) => [
      tx`update sessions set last_used_at = now() where id = ${String(owner.caller.sessionId)}`,
    ]),
  ).rejects.toThrow('row-level security')
})

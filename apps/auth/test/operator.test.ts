import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Caller } from '@memoric/contracts/caller.ts'
import { INTROSPECT_PATH } from '@memoric/contracts/introspection.ts'
import { parseApiKey } from '@memoric/crypto/api-key.ts'
import { decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { systemUser } from '../src/operator/open-operator.ts'
import { EXIT_CODES, runOperator } from '../src/operator/run-operator.ts'
import { processSettings, randomKey } from './auth-settings.ts'
import { beginSession } from './begin-session.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const revoked = useRevokedIds(auth)
const actor = `operator:${systemUser()}`
const gateway: Partial<Caller> = { principal: { type: 'service', id: 'gateway' } }

/** Runs a command as its program would; `changes` are made to the environment of auth. */
async function operate(args: readonly string[], changes: Readonly<Record<string, string>> = {}) {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runOperator(args, {
    env: { ...processSettings, ...auth.settings(), ...changes },
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    patienceMs: 500,
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

async function json(...args: string[]): Promise<unknown> {
  const { code, out, err } = await operate([...args, '--json'])
  expect({ code, err }).toEqual({ code: EXIT_CODES.done, err: '' })
  return JSON.parse(out)
}

async function createKey({ caller }: Owner) {
  const body = { name: 'k', scopes: ['memories:read'] }
  const answer = await auth.call('POST', '/v1/api-keys', body, caller)
  return { id: answer.body.id as string, ...parseApiKey(answer.body.key)! }
}

type Key = Awaited<ReturnType<typeof createKey>>

const ask = async (question: object) => (await auth.call('POST', INTROSPECT_PATH, question, gateway)).body
const askKey = ({ keyId, secret }: Key) => ask({ kind: 'api_key', key_id: keyId, secret })
const askSession = ({ userId }: Owner, sessionId: string) =>
  ask({ kind: 'session', session_id: sessionId, user_id: userId })
const ownSession = (owner: Owner) => askSession(owner, String(owner.caller.sessionId))
const refresh = (token: string) => auth.call('POST', '/v1/auth/refresh', { refresh_token: token })

async function eventsOf({ tenantId }: Pick<Owner, 'tenantId'>, type: Parameters<typeof auth.events>[0]) {
  return (await auth.events(type)).filter(({ tenantid }) => tenantid === tenantId)
}

describe('a command line', () => {
  test.each([[['help']], [['--help']], [['tenants', 'list', '-h']]])('%j is told what there is', async (args) => {
    const { code, out, err } = await operate(args)
    expect({ code, err }).toEqual({ code: EXIT_CODES.done, err: '' })
    for (const words of ['signing-keys rotate [--revoke]', 'tenants suspend <id of the tenant>', 'users contain']) {
      expect(out).toContain(words)
    }
  })

  test.each([
    [[], 'Say what to do.'],
    [['tenants'], 'There is no command "tenants".'],
    [['tenants', 'drop'], 'There is no command "tenants drop".'],
    [['tenants', 'suspend'], '"tenants suspend" needs the id of the tenant.'],
    [['users', 'contain', randomUUID()], '"users contain" needs the id of the user.'],
    [['tenants', 'list', 'all'], '"tenants list" does not know what to do with "all".'],
    [['tenants', 'list', '--revoke'], '"tenants list" has no option --revoke.'],
    [['tenants', 'list', '--force'], "Unknown option '--force'"],
    [['tenants', 'suspend', randomUUID(), '--reason'], 'argument missing'],
    [['tenants', 'suspend', 'acme'], '"acme" is not the id of a tenant'],
    [['tenants', 'suspend', randomUUID().toUpperCase()], 'a UUID in lower case'],
    [['users', 'verify-email', randomUUID()], '"users verify-email" needs the e-mail address.'],
    [['users', 'verify-email', randomUUID(), 'zoe'], '"zoe" is not an e-mail address.'],
    [['users', 'contain', randomUUID(), "'; drop table users"], 'is not the id of a user'],
    [['tenants', 'suspend', randomUUID(), '--reason', ' '], 'The reason must have 1 to 500 characters.'],
    [['tenants', 'suspend', randomUUID(), '--reason', 'x'.repeat(501)], 'The reason must have 1 to 500 characters.'],
  ])('%j is refused, with what is wrong and where the commands are listed', async (args, message) => {
    const { code, out, err } = await operate(args)
    expect({ code, out }).toEqual({ code: EXIT_CODES.usage, out: '' })
    expect(err).toContain(message)
    expect(err).toContain('"help" lists the commands.')
  })

  test('is read by the program, whose exit code says what became of it', async () => {
    const program = fileURLToPath(new URL('../src/operator/main.ts', import.meta.url))
    const run = async (...args: string[]) => {
      const env = { ...processSettings, ...auth.settings() }
      const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
      return { code: child.exitCode, out, err }
    }
    const listed = await run('signing-keys', 'list', '--json')
    expect(listed).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(listed.out)).toHaveLength(2)
    expect(await run('tenants', 'resume')).toMatchObject({ code: 2, out: '' })
  })

  test.each(['auth', 'memory', 'audit'])('ends quietly when nobody reads on what %s tells', async (app) => {
    const program = fileURLToPath(new URL(`../../${app}/src/operator/main.ts`, import.meta.url))
    const child = spawn(process.execPath, [program, 'help'], {
      env: processSettings,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    const [err] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect({ code: child.exitCode, err }).toEqual({ code: 0, err: '' })
  })
})

describe('when something is missing', () => {
  test('a database that cannot be reached is said, with a code of its own', async () => {
    const { code, out, err } = await operate(['tenants', 'list'], { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' })
    expect({ code, out }).toEqual({ code: EXIT_CODES.unreachable, out: '' })
    expect(err).toContain('The database cannot be reached')
  })

  test('without NATS the change is made, and it is said who learns of it late', async () => {
    const owner = await signUp(auth)
    const args = ['tenants', 'suspend', owner.tenantId]
    const { code, out, err } = await operate(args, { NATS_URL: 'nats://127.0.0.1:1' })
    expect(code).toBe(EXIT_CODES.done)
    expect(out).toContain('is suspended')
    expect(err).toContain('NATS cannot be reached: running processes learn of it within 30 seconds')
    expect(await ownSession(owner)).toMatchObject({ grant: null })
  })

  test('another key encryption key is refused, and nothing is changed', async () => {
    const { code, err } = await operate(['signing-keys', 'rotate'], { MEMORIC_ENCRYPTION_KEY: randomKey() })
    expect(code).toBe(EXIT_CODES.failed)
    expect(err).toMatch(/wrapped by/)
  })

  test('a configuration that lacks something is refused by name', async () => {
    const { code, err } = await operate(['tenants', 'list'], { PERSONAL_DATA_KEY: '' })
    expect(code).toBe(EXIT_CODES.failed)
    expect(err).toContain('PERSONAL_DATA_KEY')
  })
})

describe('signing keys', () => {
  const kidNow = async () => {
    const claims = { userId: randomUUID(), tenantId: randomUUID(), role: 'owner', sessionId: randomUUID() } as const
    return decodeProtectedHeader(await auth.deps.accessTokens.sign(claims)).kid
  }

  test('are listed with their states, as a table or as JSON, and without what is secret', async () => {
    const keys = await json('signing-keys', 'list')
    const { out } = await operate(['signing-keys', 'list'])
    expect(out.split('\n')[0]).toMatch(/^KID +STATE +SINCE +CREATED$/)
    expect(keys).toMatchObject([{ state: expect.any(String) as string }, {}])
    for (const { kid, state } of keys as { kid: string; state: string }[]) {
      expect(out).toMatch(new RegExp(`^${kid} +${state} `, 'm'))
    }
    expect(Object.keys((keys as object[])[0]!).sort()).toEqual(['created_at', 'kid', 'state', 'state_since'])
  })

  test('are rotated, and running processes sign with the new one at once', async () => {
    const before = await kidNow()
    const rotation = (await json('signing-keys', 'rotate')) as { current: string; previous: string }
    expect(rotation.previous).toBe(before)
    await expect.poll(kidNow).toBe(rotation.current)
    const [event] = (await auth.events('signing_key.rotated')).slice(-1)
    expect(event).toMatchObject({ actor, data: { resource_id: rotation.current, reason: 'requested' } })
  })

  test('are all removed in an emergency', async () => {
    const known = auth.deps.accessTokens.jwks().keys.map(({ kid }) => kid)
    const { removed, current } = (await json('signing-keys', 'rotate', '--revoke')) as {
      removed: string[]
      current: string
    }
    expect(removed).toEqual(expect.arrayContaining(known))
    await expect.poll(kidNow).toBe(current)
    const published = auth.deps.accessTokens.jwks().keys.map(({ kid }) => kid)
    expect(published.filter((kid) => removed.includes(String(kid)))).toEqual([])
  })
})

describe('a tenant', () => {
  test('is listed with its name and whether it is suspended', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    await operate(['tenants', 'suspend', other.tenantId])
    const tenants = (await json('tenants', 'list')) as { id: string }[]
    expect(tenants.find(({ id }) => id === owner.tenantId)).toMatchObject({ name: 'Acme', suspended_at: null })
    expect(tenants.find(({ id }) => id === other.tenantId)).toMatchObject({
      suspended_at: expect.any(String) as string,
    })
    expect((await operate(['tenants', 'list'])).out).toMatch(new RegExp(`^${owner.tenantId} .* - +Acme$`, 'm'))
  })

  test('that is suspended is refused at once with everything it has, and told so with the reason', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const key = await createKey(owner)
    const answer = await json('tenants', 'suspend', owner.tenantId, '--reason', 'unpaid')
    expect(answer).toEqual({ tenant_id: owner.tenantId, suspended: true, changed: true })
    expect(await ownSession(owner)).toMatchObject({ grant: null, refusal: { reason: 'tenant_suspended' } })
    expect(await askKey(key)).toMatchObject({ grant: null, refusal: { reason: 'tenant_suspended' } })
    expect((await refresh(owner.refreshToken)).body.code).toBe('tenant_suspended')
    expect((await ownSession(other)).grant).not.toBeNull()
    await expect.poll(() => revoked).toContain(owner.tenantId)
    expect(await eventsOf(owner, 'tenant.suspended')).toMatchObject([
      { actor, data: { resource_id: owner.tenantId, reason: 'unpaid', status_code: null, method: null } },
    ])
  })

  test('that is suspended already stays so, and nothing is told', async () => {
    const owner = await signUp(auth)
    await operate(['tenants', 'suspend', owner.tenantId])
    const again = await operate(['tenants', 'suspend', owner.tenantId])
    expect(again).toMatchObject({ code: EXIT_CODES.done, out: `Tenant ${owner.tenantId} was suspended already.` })
    expect(await eventsOf(owner, 'tenant.suspended')).toHaveLength(1)
  })

  test('that is resumed goes on with its keys and sessions', async () => {
    const owner = await signUp(auth)
    const key = await createKey(owner)
    await operate(['tenants', 'suspend', owner.tenantId])
    expect(await json('tenants', 'resume', owner.tenantId)).toMatchObject({ suspended: false, changed: true })
    expect((await ownSession(owner)).grant).not.toBeNull()
    expect((await askKey(key)).grant).not.toBeNull()
    expect((await refresh(owner.refreshToken)).status).toBe(200)
    expect(await json('tenants', 'resume', owner.tenantId)).toMatchObject({ changed: false })
    expect(await eventsOf(owner, 'tenant.resumed')).toMatchObject([{ actor, data: { resource_id: owner.tenantId } }])
  })

  test('that is contained loses every session and key for good, also when it is resumed', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const [key, second] = [await createKey(owner), await beginSession(auth, owner)]
    const otherKey = await createKey(other)
    const answer = await json('tenants', 'contain', owner.tenantId, '--reason', 'stolen laptop')
    expect(answer).toEqual({ tenant_id: owner.tenantId, sessions_revoked: 2, api_keys_revoked: 1 })
    await operate(['tenants', 'resume', owner.tenantId])
    expect(await ownSession(owner)).toMatchObject({ grant: null, refusal: { reason: 'revoked' } })
    expect(await askSession(owner, second.sessionId)).toMatchObject({ refusal: { reason: 'revoked' } })
    expect(await askKey(key)).toMatchObject({ grant: null, refusal: { reason: 'revoked' } })
    expect((await refresh(owner.refreshToken)).status).toBe(401)
    expect((await askKey(otherKey)).grant).not.toBeNull()
    expect((await ownSession(other)).grant).not.toBeNull()
    expect(await eventsOf(owner, 'auth.session.revoked')).toMatchObject([
      { actor, data: { reason: 'contained' } },
      { actor, data: { reason: 'contained' } },
    ])
    expect(await eventsOf(owner, 'api_key.revoked')).toMatchObject([
      { actor, data: { resource_id: key.id, reason: 'contained' } },
    ])
    expect(await eventsOf(owner, 'incident.contained')).toMatchObject([
      {
        actor,
        data: {
          reason: 'stolen laptop',
          details: { target_type: 'tenant', target_id: owner.tenantId, sessions_revoked: 2, api_keys_revoked: 1 },
        },
      },
    ])
  })

  test.each(['suspend', 'resume', 'contain'])('that does not exist cannot be asked to %s', async (verb) => {
    const id = randomUUID()
    const { code, err } = await operate(['tenants', verb, id])
    expect({ code, err }).toEqual({ code: EXIT_CODES.failed, err: `There is no tenant ${id}.` })
  })
})

describe('a user', () => {
  test('that is contained is deactivated with sessions and keys; others of the tenant go on', async () => {
    const owner = await signUp(auth)
    const key = await createKey(owner)
    const colleague = randomUUID()
    await auth.admin`
      insert into users (tenant_id, id, email_index, email_sealed, role)
      select tenant_id, ${colleague}, sha256(id::text::bytea), email_sealed, 'owner' from users where id = ${owner.userId}`
    const answer = await json('users', 'contain', owner.tenantId, owner.userId)
    expect(answer).toEqual({
      tenant_id: owner.tenantId,
      user_id: owner.userId,
      sessions_revoked: 1,
      api_keys_revoked: 1,
    })
    expect((await ownSession(owner)).grant).toBeNull()
    expect((await askKey(key)).grant).toBeNull()
    const rows = await auth.admin`
      select id, deactivated_at is null as active from users where tenant_id = ${owner.tenantId} order by active`
    expect([...rows]).toEqual([
      { id: owner.userId, active: false },
      { id: colleague, active: true },
    ])
    await expect.poll(() => revoked).toEqual(expect.arrayContaining([owner.userId, key.id]))
    expect(await eventsOf(owner, 'incident.contained')).toMatchObject([
      { actor, data: { resource_id: owner.tenantId, details: { target_type: 'user', target_id: owner.userId } } },
    ])
  })

  test('that is reactivated may sign in, and what was ended stays ended', async () => {
    const owner = await signUp(auth)
    const key = await createKey(owner)
    await operate(['users', 'contain', owner.tenantId, owner.userId])
    expect(await json('users', 'reactivate', owner.tenantId, owner.userId)).toMatchObject({
      active: true,
      changed: true,
    })
    expect((await ownSession(owner)).grant).toBeNull()
    expect((await askKey(key)).grant).toBeNull()
    const session = await beginSession(auth, owner)
    expect((await askSession(owner, session.sessionId)).grant).not.toBeNull()
    expect(await json('users', 'reactivate', owner.tenantId, owner.userId)).toMatchObject({ changed: false })
    expect(await eventsOf(owner, 'user.reactivated')).toMatchObject([{ actor, data: { resource_id: owner.userId } }])
  })

  test('whose address the operator vouches for counts as proven, once, and mailed tokens for it end', async () => {
    const owner = await signUp(auth)
    await auth.admin`
      insert into one_time_tokens (tenant_id, hash, user_id, purpose, expires_at)
      select ${owner.tenantId}, sha256(purpose::bytea), ${owner.userId}, purpose, now() + interval '1 hour'
      from unnest(array['email_verification', 'password_reset']) purpose`
    const args = ['users', 'verify-email', owner.tenantId, owner.email.toUpperCase(), '--reason', 'no mail there']
    const done = { tenant_id: owner.tenantId, user_id: owner.userId, email_verified: true }
    expect(await json(...args)).toEqual({ ...done, changed: true })
    expect((await auth.call('GET', '/v1/auth/me', undefined, owner.caller)).body.user).toMatchObject({
      email: owner.email,
      email_verified: true,
    })
    const left = await auth.admin`select purpose from one_time_tokens where user_id = ${owner.userId}`
    expect([...left]).toEqual([{ purpose: 'password_reset' }])
    expect(await json(...args)).toEqual({ ...done, changed: false })
    expect(await eventsOf(owner, 'auth.email.verified')).toMatchObject([
      { actor, data: { resource_id: owner.userId, reason: 'no mail there', status_code: null, method: null } },
    ])
  })

  test('of another tenant is not vouched for', async () => {
    const [owner, stranger] = [await signUp(auth), await signUp(auth)]
    for (const tenantId of [owner.tenantId, randomUUID()]) {
      const { code, err } = await operate(['users', 'verify-email', tenantId, stranger.email])
      expect({ code, err }).toEqual({
        code: EXIT_CODES.failed,
        err: `There is no user with this address in tenant ${tenantId}.`,
      })
    }
    expect(await eventsOf(stranger, 'auth.email.verified')).toEqual([])
  })

  test('of another tenant is none, and goes on', async () => {
    const [owner, stranger] = [await signUp(auth), await signUp(auth)]
    for (const verb of ['contain', 'reactivate']) {
      const { code, err } = await operate(['users', verb, owner.tenantId, stranger.userId])
      expect(code).toBe(EXIT_CODES.failed)
      expect(err).toMatch(/There is no( such)? user/)
    }
    expect((await ownSession(stranger)).grant).not.toBeNull()
    expect(await eventsOf(owner, 'incident.contained')).toEqual([])
  })
})

import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runAuditCommand } from '@memoric/app-audit/operator/run-audit-command.ts'
import { runMemoryOperator } from '@memoric/app-memory/operator/run-memory-operator.ts'
import { CRITICAL_ELSEWHERE, CRITICAL_EVENTS, type CriticalEvent } from '@memoric/contracts/critical-events.ts'
import { EVENT_TYPES } from '@memoric/contracts/event-types.ts'
import type { OperationId } from '@memoric/contracts/route-table.ts'
import { createAccount, createKey, PASSWORD } from '@memoric/e2e/accounts.ts'
import { ApiFailure, type ApiRequest, type Credential } from '@memoric/e2e/api-client.ts'
import { operate } from '@memoric/e2e/operate.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { SERVICES, type ServiceName } from '@memoric/e2e/stack-settings.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { useIdentityProvider } from '@memoric/testkit/use-identity-provider.ts'
import { generate } from 'otplib/functional'
import { afterAll, describe, expect, test } from 'vitest'

const mails = mkdtempSync(join(tmpdir(), 'memoric-critical-'))
afterAll(() => rmSync(mails, { recursive: true }))
const idp = useIdentityProvider()
const stack = useStack({
  overrides: (app) => ({
    LOG_LEVEL: 'fatal',
    OUTBOUND_PRIVATE_NETWORKS: 'true',
    ...(app !== 'gateway' && app !== 'memory' && { MAIL_DIRECTORY: mails }),
  }),
})

/** Does what an event tells of; may be done again when it has failed. Throws for a failure. */
type Action = () => Promise<unknown>
type Account = Awaited<ReturnType<typeof createAccount>>

const codeOf = (secret: string, steps = 0) => generate({ secret, epoch: Math.floor(Date.now() / 1000) + steps * 30 })
const ok = <Id extends OperationId>(id: Id, by: Credential, request?: ApiRequest) => stack.api.ok(id, by, request)
const call =
  (id: OperationId, by: Credential, request?: ApiRequest): Action =>
  () =>
    ok(id, by, request)
const account = () => createAccount(stack)

/** An account whose tenant, subject, and tenant's own records have keys: those are made before a first write, apart from it. */
async function livedIn(): Promise<Account> {
  const made = await account()
  const headers = { 'idempotency-key': 'once' }
  await ok('createMemory', made.key, { body: { content: 'milk', subject_id: 'ada' }, headers })
  return made
}

/** The newest token of a kind that was mailed to an address. */
async function mailed(email: string, kind: string): Promise<string> {
  const found = async () => {
    const names = (await readdir(mails)).filter((name) => name.endsWith('.eml')).toSorted()
    const texts = await Promise.all(names.map((name) => readFile(join(mails, name), 'utf8')))
    const own = texts.filter((text) => text.includes(`To: ${email}`))
    return own.flatMap((text) => new RegExp(`${kind}\\S*`).exec(text)?.[0] ?? []).at(-1) ?? ''
  }
  await expect.poll(found, { timeout: 10_000 }).not.toBe('')
  return found()
}

const signIn = ({ email }: Pick<Account, 'email'>, totp?: string): Action =>
  call('login', null, { body: { email, password: PASSWORD, ...(totp !== undefined && { totp }) } })

async function withTotp() {
  const owner = await account()
  const { secret } = await ok('enrollTotp', owner.session)
  return { ...owner, secret }
}

async function enabledTotp() {
  const owner = await withTotp()
  const { recovery_codes: codes } = await ok('confirmTotp', owner.session, {
    body: { code: await codeOf(owner.secret) },
  })
  return { ...owner, code: codes[0] ?? '' }
}

async function member(by: Credential): Promise<{ id: string; email: string }> {
  const email = `${randomUUID()}@example.org`
  const { id } = await ok('createUser', by, { body: { email, role: 'user', password: PASSWORD } })
  return { id, email }
}

async function changedMember(...bodies: readonly object[]): Promise<Action> {
  const { session } = await account()
  const { id } = await member(session)
  const last = bodies.at(-1)
  for (const body of bodies.slice(0, -1)) await ok('updateUser', session, { params: { id }, body })
  return call('updateUser', session, { params: { id }, body: last })
}

async function ofKey(id: OperationId, body?: object): Promise<Action> {
  const { session } = await account()
  const key = await createKey(stack, session)
  return call(id, session, { params: { id: key.id }, ...(body !== undefined && { body }) })
}

const provider = () => ({
  name: 'Example',
  issuer: idp.issuer,
  client_id: idp.clientId,
  client_secret: idp.clientSecret,
})

async function ofProvider(id: OperationId, body?: object): Promise<Action> {
  const { session } = await account()
  const made = await ok('createSsoProvider', session, { body: provider() })
  return call(id, session, { params: { id: made.id }, ...(body !== undefined && { body }) })
}

async function invited() {
  const { session } = await account()
  const email = `${randomUUID()}@example.org`
  const { id } = await ok('createInvitation', session, { body: { email, role: 'user' } })
  return { session, email, id }
}

async function ofMemory(id: OperationId, body?: object): Promise<Action> {
  const { key } = await account()
  const { id: memoryId } = await ok('createMemory', key, { body: { content: 'tea' } })
  return call(id, key, { params: { id: memoryId }, ...(body !== undefined && { body }) })
}

async function proposedEdit(): Promise<{ session: Credential; id: string }> {
  const { key, session } = await account()
  const { id: memoryId } = await ok('createMemory', key, { body: { content: 'tea' } })
  const body = { memory_id: memoryId, operation: 'retract', reason: 'It was coffee.' }
  const { id } = await ok('proposeEdit', key, { body })
  return { session, id }
}

async function capsuleOfOwn() {
  const { key } = await account()
  const { id } = await ok('createMemory', key, { body: { content: 'tea' } })
  const audience = [`user:${randomUUID()}`]
  return { key, body: { name: 'Tea', memory_ids: [id], audience, expires_in_days: 1 } }
}

const handoff = (remember: string) => ({ subject_id: 'ada', session_id: 'one', with_whom: 'Ben', remember })

async function exported(): Promise<{ key: Credential; id: string }> {
  const { key } = await account()
  await ok('createMemory', key, { body: { content: 'tea', subject_id: 'ada' } })
  const { id } = await ok('startExport', key, { body: { subject_id: 'ada' } })
  await expect
    .poll(async () => (await ok('getExport', key, { params: { id } })).state, { timeout: 20_000 })
    .toBe('made')
  return { key, id }
}

const consent = (status: string) => ({ params: { id: 'ada' }, body: { purpose: 'newsletter', status } })
const url = 'https://alerts.example.org/memoric'

async function ofWebhook(id: OperationId): Promise<Action> {
  const { session } = await account()
  const made = await ok('createAlertWebhook', session, { body: { url } })
  return call(id, session, { params: { id: made.id } })
}

async function ofAlert(body: object): Promise<Action> {
  const { session } = await account()
  const { id } = await member(session)
  await ok('updateUser', session, { params: { id }, body: { role: 'admin' } })
  const first = async () => (await ok('listAlerts', session)).items[0]?.id
  await expect.poll(first, { timeout: 20_000 }).toBeDefined()
  return call('updateAlert', session, { params: { id: (await first()) ?? '' }, body })
}

const operator =
  (...args: string[]): Action =>
  () =>
    operate(stack, ...args)
const commandOf =
  (app: 'memory' | 'audit', ...args: string[]): Action =>
  async () => {
    const lines: string[] = []
    const say = (line: string) => void lines.push(line)
    const run = app === 'memory' ? runMemoryOperator : runAuditCommand
    const surroundings = { env: stack.settings.environments[app], out: say, err: say, cwd: tmpdir() }
    const code = await run(args, surroundings)
    if (code !== 0) throw new Error(lines.join('\n'))
  }

/** A public key of NATS; nobody has the other half. */
const publicKey = `U${'A'.repeat(55)}`

/** How each event comes to be: what goes before it, and the action. */
const ACTIONS: { readonly [Type in CriticalEvent]: () => Promise<Action> | Action } = {
  'auth.registered': () =>
    call('register', null, { body: { email: `${randomUUID()}@example.org`, password: PASSWORD, tenant_name: 'x' } }),
  'auth.login.succeeded': async () => signIn(await account()),
  'auth.token.refreshed': async () =>
    call('refresh', null, { body: { refresh_token: (await account()).refreshToken } }),
  async 'auth.token.reused'() {
    const { refreshToken, tenantId } = await account()
    await ok('refresh', null, { body: { refresh_token: refreshToken } })
    await stack.admin.auth`update refresh_tokens set used_at = used_at - interval '1 hour'
      where tenant_id = ${tenantId} and used_at is not null`
    return async () => {
      const { status } = await stack.api.call('refresh', null, { body: { refresh_token: refreshToken } })
      if (status !== 401) throw new Error(`answered ${status}`)
    }
  },
  async 'auth.token.issued'() {
    const { session } = await account()
    const { key } = await createKey(stack, session)
    const [, , client_id = ''] = key.split('_')
    return call('issueToken', null, { body: { grant_type: 'client_credentials', client_id, client_secret: key } })
  },
  'auth.logged_out': async () => call('logout', null, { body: { refresh_token: (await account()).refreshToken } }),
  async 'auth.session.revoked'() {
    const owner = await account()
    await signIn(owner)()
    const { items } = await ok('listSessions', owner.session)
    const other = items.find(({ current }) => !current)
    return call('revokeSession', owner.session, { params: { id: other?.id ?? '' } })
  },
  'auth.password.changed': async () =>
    call('changePassword', (await account()).session, {
      body: { current_password: PASSWORD, new_password: 'another horse battery staple' },
    }),
  async 'auth.password.reset'() {
    const { email } = await account()
    await ok('forgotPassword', null, { body: { email } })
    const token = await mailed(email, 'mp_')
    return call('resetPassword', null, { body: { token, new_password: 'another horse battery staple' } })
  },
  async 'auth.email.verified'() {
    const { email } = await account()
    return call('verifyEmail', null, { body: { token: await mailed(email, 'mv_') } })
  },
  async 'auth.totp.enabled'() {
    const { session, secret } = await withTotp()
    return async () => ok('confirmTotp', session, { body: { code: await codeOf(secret) } })
  },
  async 'auth.totp.disabled'() {
    const owner = await enabledTotp()
    const { access_token: token } = await ok('login', null, {
      body: { email: owner.email, password: PASSWORD, totp: owner.code },
    })
    return call('disableTotp', { token })
  },
  async 'auth.recovery_code.used'() {
    const owner = await enabledTotp()
    return signIn(owner, owner.code)
  },
  'api_key.created': async () =>
    call('createApiKey', (await account()).session, { body: { name: 'x', scopes: ['memories:read'] } }),
  'api_key.rotated': () => ofKey('rotateApiKey', { overlap_seconds: 60 }),
  'api_key.revoked': () => ofKey('revokeApiKey'),
  async 'api_key.leaked'() {
    const { session } = await account()
    return call('reportLeak', null, { body: { key: (await createKey(stack, session)).key } })
  },
  'user.created': async () =>
    call('createUser', (await account()).session, {
      body: { email: `${randomUUID()}@example.org`, role: 'user', password: PASSWORD },
    }),
  'user.updated': () => changedMember({ display_name: 'Another' }),
  'user.role_changed': () => changedMember({ role: 'admin' }),
  'user.deactivated': () => changedMember({ active: false }),
  'user.reactivated': () => changedMember({ active: false }, { active: true }),
  async 'user.removed'() {
    const { session } = await account()
    return call('removeUser', session, { params: { id: (await member(session)).id } })
  },
  'invitation.created': async () =>
    call('createInvitation', (await account()).session, {
      body: { email: `${randomUUID()}@example.org`, role: 'user' },
    }),
  async 'invitation.accepted'() {
    const { email } = await invited()
    return call('acceptInvitation', null, { body: { token: await mailed(email, 'mi_'), password: PASSWORD } })
  },
  async 'invitation.revoked'() {
    const { session, id } = await invited()
    return call('revokeInvitation', session, { params: { id } })
  },
  'sso.provider.created': async () => call('createSsoProvider', (await account()).session, { body: provider() }),
  'sso.provider.updated': () => ofProvider('updateSsoProvider', { ...provider(), name: 'Another' }),
  'sso.provider.deleted': () => ofProvider('deleteSsoProvider'),
  'tenant.updated': async () => call('updateTenant', (await account()).session, { body: { name: 'Another' } }),
  'tenant.suspended': async () => operator('tenants', 'suspend', (await account()).tenantId, '--reason', 'a drill'),
  async 'tenant.resumed'() {
    const { tenantId } = await account()
    await operator('tenants', 'suspend', tenantId, '--reason', 'a drill')()
    return operator('tenants', 'resume', tenantId)
  },
  async 'incident.contained'() {
    const { session } = await account()
    const { id } = await createKey(stack, session)
    return call('contain', session, { body: { target: { type: 'api_key', id }, reason: 'a drill' } })
  },
  'signing_key.rotated': () => operator('signing-keys', 'rotate'),
  'nats_user.created': async () => operator('nats-user', 'note', 'created', (await account()).tenantId, publicKey),
  'nats_user.removed': async () => operator('nats-user', 'note', 'removed', (await account()).tenantId, publicKey),
  'memory.created': async () =>
    call('createMemory', (await livedIn()).key, { body: { content: 'tea', subject_id: 'ada' } }),
  'memory.updated': () => ofMemory('updateMemory', { content: 'coffee' }),
  'memory.deleted': () => ofMemory('deleteMemory'),
  'edit.approved': async () => {
    const { session, id } = await proposedEdit()
    return call('approveEdit', session, { params: { id }, body: {} })
  },
  'edit.undone': async () => {
    const { session, id } = await proposedEdit()
    await ok('approveEdit', session, { params: { id }, body: {} })
    return call('undoEdit', session, { params: { id }, body: {} })
  },
  async 'capsule.created'() {
    const { key, body } = await capsuleOfOwn()
    return call('createCapsule', key, { body })
  },
  async 'capsule.revoked'() {
    const { key, body } = await capsuleOfOwn()
    const { id } = await ok('createCapsule', key, { body })
    return call('revokeCapsule', key, { params: { id } })
  },
  'handoff.created': async () => call('createHandoff', (await livedIn()).key, { body: handoff('first') }),
  async 'handoff.corrected'() {
    const { key } = await livedIn()
    await ok('createHandoff', key, { body: handoff('first') })
    return call('createHandoff', key, { body: handoff('second') })
  },
  async 'handoff.deleted'() {
    const { key } = await livedIn()
    const { id } = await ok('createHandoff', key, { body: handoff('first') })
    return call('deleteHandoff', key, { params: { id } })
  },
  'policy.changed': async () => call('putPolicy', (await livedIn()).session, { body: { policy: {} } }),
  'quota.changed': async () => commandOf('memory', 'quota', 'set', (await account()).tenantId, '--memories', '1000'),
  async 'key.rotation_started'() {
    const { session, key } = await account()
    await ok('createMemory', key, { body: { content: 'tea', subject_id: 'ada' } })
    return call('startKeyRotation', session, { body: { subject_id: 'ada' } })
  },
  'receipt_key.rotated': () => commandOf('memory', 'receipt-key', 'rotate'),
  async 'export.requested'() {
    const { key } = await account()
    await ok('createMemory', key, { body: { content: 'tea', subject_id: 'ada' } })
    return call('startExport', key, { body: { subject_id: 'ada' } })
  },
  async 'export.downloaded'() {
    const { key, id } = await exported()
    return call('downloadExport', key, { params: { id } })
  },
  'consent.granted': async () => call('putConsent', (await livedIn()).key, consent('granted')),
  async 'consent.withdrawn'() {
    const { key } = await account()
    await ok('putConsent', key, consent('granted'))
    return call('putConsent', key, consent('withdrawn'))
  },
  async 'subject.erasure_started'() {
    const { key } = await account()
    await ok('createMemory', key, { body: { content: 'tea', subject_id: 'ada' } })
    return call('eraseSubject', key, { params: { id: 'ada' } })
  },
  'audit.read': async () => call('listAuditLogs', (await account()).key),
  'audit.export_started': async () => call('exportAuditLogs', (await account()).key, { query: { format: 'csv' } }),
  'audit.dead_letters_read': async () => call('listDeadLetters', (await account()).key),
  'audit.key_rotated': () => commandOf('audit', 'audit-key', 'rotate'),
  'audit.retention_changed': async () =>
    call('setAuditRetention', (await account()).key, { body: { retention_days: 400, legal_hold: true } }),
  'detection.changed': async () =>
    call('updateDetection', (await account()).key, { params: { id: 'mass_read' }, body: { threshold: 30_000 } }),
  'alert.acknowledged': () => ofAlert({ state: 'acknowledged' }),
  'alert.noted': () => ofAlert({ note: 'a note' }),
  'alert.closed': () => ofAlert({ state: 'closed' }),
  'alert_webhook.created': async () => call('createAlertWebhook', (await account()).session, { body: { url } }),
  'alert_webhook.rotated': () => ofWebhook('rotateAlertWebhook'),
  'alert_webhook.deleted': () => ofWebhook('deleteAlertWebhook'),
  'alert_mail.changed': async () => call('setAlertMail', (await account()).session, { body: { addresses: [] } }),
  async 'alert_mail.confirmed'() {
    const { session } = await account()
    const address = `${randomUUID()}@example.org`
    await ok('setAlertMail', session, { body: { addresses: [address] } })
    const code = (await mailed(address, 'Code: ')).slice('Code: '.length)
    return call('confirmAlertMail', session, { body: { code } })
  },
}

const appOf = (type: CriticalEvent): ServiceName => EVENT_TYPES[type].app

/** What changes by itself, or by the request that failed, and is no change of what the request is about. */
const BY_ITSELF: Readonly<Record<string, readonly string[]>> = {
  auth: ['outbox', 'outbox_counts', 'sign_in_attempts'],
  memory: ['outbox', 'outbox_counts', 'processes'],
  audit: [
    'outbox',
    'outbox_counts',
    'audit_logs',
    'log_state',
    'log_tiles',
    'log_followers',
    'tenant_logs',
    'audit_days',
    'audit_slots',
    'checkpoints',
    'personal_data',
    'actor_keys',
    'detection_states',
  ],
}

/** A fingerprint of every table of an app. */
async function tablesOf(app: ServiceName): Promise<Record<string, string>> {
  const sql = stack.admin[app]
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = 'public' and relkind in ('r', 'p') and not relispartition order by 1`
  const prints: Record<string, string> = {}
  for (const { name } of tables) {
    if (BY_ITSELF[app]?.includes(name) === true) continue
    // When a key was used last is written in batches, whenever one is full or due.
    const rows = await sql<{ row: string }[]>`
      select (to_jsonb(t) - 'last_used_at')::text as row from ${sql(name)} as t order by 1`
    prints[name] = createHmac('sha256', salt).update(JSON.stringify(rows)).digest('hex')
  }
  return prints
}
const salt = randomBytes(16)

/** Has the outbox of an app refuse events of one type. */
async function refuse(app: ServiceName, type: CriticalEvent): Promise<() => Promise<void>> {
  const sql = stack.admin[app]
  await sql.unsafe(`
    create function refuse_event() returns trigger language plpgsql as $$
    begin
      if new.payload::jsonb ->> 'type' = '${type}' then raise exception 'the outbox refuses %', '${type}'; end if;
      return new;
    end $$;
    create trigger refuse_event before insert on outbox for each row execute function refuse_event();`)
  return async () => {
    await sql.unsafe(`drop trigger refuse_event on outbox; drop function refuse_event()`)
  }
}

async function isTold(app: ServiceName, type: CriticalEvent, since: Date): Promise<boolean> {
  const waiting = await stack.admin[app]`
    select 1 from outbox where payload::jsonb ->> 'type' = ${type} and created_at >= ${since}`
  const logged = await stack.admin.audit`select 1 from audit_logs where operation = ${type} and received_at >= ${since}`
  return waiting.length + logged.length > 0
}

describe('when its event cannot be written, what would be told by', () => {
  test.each(CRITICAL_EVENTS)(
    '%s fails and changes nothing; afterwards it can be done',
    async (type) => {
      const app = appOf(type)
      const act = await ACTIONS[type]()
      await settled(stack)
      const allow = await refuse(app, type)
      const since = new Date()
      try {
        const before = await tablesOf(app)
        const failure: unknown = await act().then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(failure).toBeInstanceOf(Error)
        // Refused for no reason of its own.
        if (failure instanceof ApiFailure) expect(failure.answer.status).toBeGreaterThanOrEqual(500)
        expect(await tablesOf(app)).toEqual(before)
        expect(await isTold(app, type, since)).toBe(false)
      } finally {
        await allow()
      }
      await act()
      await expect.poll(() => isTold(app, type, since), { timeout: 10_000 }).toBe(true)
    },
    60_000,
  )
})

test('the operator is told of events of the same weight for which something else holds', () => {
  const both = Object.keys(CRITICAL_ELSEWHERE).filter((type) => (CRITICAL_EVENTS as readonly string[]).includes(type))
  expect(both).toEqual([])
  expect(SERVICES).toContain(appOf('audit.read'))
})

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AlertMail } from '@memoric/contracts/alert-delivery-contract.ts'
import type { Problem } from '@memoric/contracts/error-codes.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { afterAll, describe, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { happenings, newTenant } from './happenings.ts'
import { sealField } from '../src/deliveries/sealed-field.ts'
import { useAuditApp } from './use-audit-app.ts'

const folder = await mkdtemp(join(tmpdir(), 'memoric-alert-mail-'))
const clock = { now: Date.now() }
const audit = useAuditApp(useAuditDatabase(), { mailDirectory: folder, now: () => clock.now })
afterAll(() => rm(folder, { recursive: true }))

const admin = (tenantId: TenantId) => ({ tenantId, permissions: ['admin:*' as const, 'audit:read' as const] })
const set = (tenantId: TenantId, body: object) =>
  audit.call<AlertMail>('PUT', '/v1/audit/alert-mail', admin(tenantId), body)
const confirm = (tenantId: TenantId, code: string) =>
  audit.call<AlertMail & Problem>('POST', '/v1/audit/alert-mail/confirm', admin(tenantId), { code })
const raise = (tenantId: TenantId, user: string) =>
  audit.log(happenings(tenantId).byUser(user, { type: 'user.role_changed' }))

/** Mails about alerts of a tenant, oldest first. */
async function mailsOf(tenantId: TenantId): Promise<string[]> {
  return (await allMailsOf(tenantId)).filter((mail) => !mail.includes('Subject: Confirm'))
}

/** The codes that were sent, by address. */
async function codesOf(tenantId: TenantId): Promise<Map<string, string>> {
  const mails = (await allMailsOf(tenantId)).filter((mail) => mail.includes('Subject: Confirm'))
  return new Map(mails.map((mail) => [/^To: (.*)$/m.exec(mail)?.[1] ?? '', /^Code: (.*)$/m.exec(mail)?.[1] ?? '']))
}

async function setConfirmed(tenantId: TenantId, body: { addresses: string[] }) {
  const answer = await set(tenantId, body)
  for (const code of (await codesOf(tenantId)).values()) expect((await confirm(tenantId, code)).status).toBe(200)
  return answer
}

async function allMailsOf(tenantId: TenantId): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.eml')).toSorted()
  const mails = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return mails.filter((mail) => mail.includes(tenantId))
}

test('nobody gets mails until somebody is named', async () => {
  const tenantId = newTenant()
  const { body } = await audit.call<AlertMail>('GET', '/v1/audit/alert-mail', admin(tenantId))
  expect(body).toEqual({
    addresses: [],
    unconfirmed: [],
    min_severity: 'warning',
    updated_by: null,
    updated_at: null,
    is_on: true,
  })
  await raise(tenantId, 'ada')
  await audit.noticed()
  expect(await audit.admin`select 1 from alert_deliveries where tenant_id = ${tenantId}`).toEqual([])
})

test('an alert is told to everybody who is named, once, and who they are is sealed', async () => {
  const tenantId = newTenant()
  const answer = await setConfirmed(tenantId, { addresses: ['one@example.org', 'two@example.org', 'one@example.org'] })
  expect(answer.body).toMatchObject({ addresses: ['one@example.org', 'two@example.org'], updated_by: 'user:ada' })
  await raise(tenantId, 'ada')
  await expect.poll(async () => (await mailsOf(tenantId)).length, { timeout: 10_000 }).toBe(2)
  const [mail] = await mailsOf(tenantId)
  expect(mail).toContain('To: one@example.org\nSubject: Memoric alert: More rights (warning)\n')
  expect(mail).toContain('About:     user ada\n')
  const [row] =
    await audit.admin`select encode(addresses_sealed, 'escape') as text from alert_mail where tenant_id = ${tenantId}`
  expect(row!['text']).not.toContain('example')
  expect(JSON.stringify(await audit.told(tenantId, 'alert_mail.changed'))).not.toContain('example.org')
  expect(await audit.told(tenantId, 'alert_mail.changed')).toMatchObject([{ data: { details: { addresses: 2 } } }])
})

test('what an actor is called adds no line, no header and no link to a mail', async () => {
  const tenantId = newTenant()
  await setConfirmed(tenantId, { addresses: ['one@example.org'] })
  await raise(tenantId, 'x\r\nBcc: all@example.org\r\n\r\nhttps://evil.example.org/ \u202egpj.exe')
  await expect.poll(async () => (await mailsOf(tenantId)).length, { timeout: 10_000 }).toBe(1)
  const [mail] = await mailsOf(tenantId)
  expect(mail).not.toMatch(/^Bcc/m)
  expect(mail).not.toContain('https://evil')
  expect(mail).not.toContain('\u202e')
  expect(mail!.split('\n').filter((line) => line.startsWith('About:'))).toHaveLength(1)
})

test('twenty an hour are enough', async () => {
  const tenantId = newTenant()
  await setConfirmed(tenantId, { addresses: ['one@example.org'] })
  for (let i = 0; i < 25; i += 1) await raise(tenantId, `user-${i}`)
  await audit.noticed()
  const waiting = async () => (await audit.admin`select 1 from alert_deliveries where tenant_id = ${tenantId}`).length
  await expect.poll(waiting, { timeout: 15_000 }).toBe(0)
  expect(await mailsOf(tenantId)).toHaveLength(20)
})

describe('an address', () => {
  test('gets nothing but a code until that is confirmed, then every alert', async () => {
    const tenantId = newTenant()
    const { body } = await set(tenantId, { addresses: ['one@example.org', 'two@example.org'] })
    expect(body.unconfirmed).toEqual(['one@example.org', 'two@example.org'])
    const codes = await codesOf(tenantId)
    expect(codes.size).toBe(2)
    const confirmed = await confirm(tenantId, codes.get('two@example.org') ?? '')
    expect(confirmed.body.unconfirmed).toEqual(['one@example.org'])
    await raise(tenantId, 'ada')
    await expect.poll(async () => (await mailsOf(tenantId)).length, { timeout: 10_000 }).toBe(1)
    expect((await mailsOf(tenantId))[0]).toContain('To: two@example.org')
    expect(await audit.told(tenantId, 'alert_mail.confirmed')).toMatchObject([
      { data: { details: { addresses: 2, confirmed: 1 } } },
    ])
  })

  test('stays confirmed while it is named, and not when it is named again after it was left out', async () => {
    const tenantId = newTenant()
    await setConfirmed(tenantId, { addresses: ['one@example.org'] })
    expect((await set(tenantId, { addresses: ['one@example.org', 'two@example.org'] })).body.unconfirmed).toEqual([
      'two@example.org',
    ])
    await set(tenantId, { addresses: [] })
    expect((await set(tenantId, { addresses: ['one@example.org'] })).body.unconfirmed).toEqual(['one@example.org'])
  })

  test('that was named before there were codes is not confirmed', async () => {
    const tenantId = newTenant()
    await setConfirmed(tenantId, { addresses: ['one@example.org'] })
    const place = { tenantId, recordId: tenantId, field: 'alert_mail.addresses' } as const
    const old = sealField(audit.credentials, place, JSON.stringify(['one@example.org']))
    await audit.admin`update alert_mail set addresses_sealed = ${old} where tenant_id = ${tenantId}`
    await raise(tenantId, 'ada')
    await audit.noticed()
    const waiting = async () => (await audit.admin`select 1 from alert_deliveries where tenant_id = ${tenantId}`).length
    await expect.poll(waiting, { timeout: 10_000 }).toBe(0)
    expect(await mailsOf(tenantId)).toEqual([])
    const seen = await audit.call<AlertMail>('GET', '/v1/audit/alert-mail', admin(tenantId))
    expect(seen.body.unconfirmed).toEqual(['one@example.org'])
  })

  test.each(['unknown', 'of another tenant', 'used', 'of an address that was left out', 'too old'])(
    'is not confirmed with a code that is %s',
    async (which) => {
      const [tenantId, other] = [newTenant(), newTenant()]
      await set(tenantId, { addresses: ['one@example.org', 'two@example.org'] })
      await set(other, { addresses: ['one@example.org'] })
      const own = await codesOf(tenantId)
      const code = own.get('one@example.org') ?? ''
      if (which === 'used') await confirm(tenantId, code)
      if (which === 'of an address that was left out') await set(tenantId, { addresses: ['two@example.org'] })
      if (which === 'too old') clock.now += 8 * 86_400_000
      const told = (await audit.told(tenantId, 'alert_mail.confirmed')).length
      const foreign = (await codesOf(other)).get('one@example.org') ?? ''
      const tried = which === 'unknown' ? 'x' : which === 'of another tenant' ? foreign : code
      const { status, body } = await confirm(tenantId, tried)
      expect([status, body.code, body.errors]).toMatchObject([422, 'rule_violated', [{ pointer: '/code' }]])
      expect((await audit.told(tenantId, 'alert_mail.confirmed')).length).toBe(told)
      clock.now = Date.now()
    },
  )

  test('gets ten codes a day at most, and nothing is changed by the request that wants more', async () => {
    const tenantId = newTenant()
    for (let i = 0; i < 5; i += 1) {
      await set(tenantId, { addresses: [`a${i}@example.org`, `b${i}@example.org`] })
    }
    const { status, body } = await set(tenantId, { addresses: ['victim@example.org'] })
    expect([status, body]).toMatchObject([429, { code: 'rate_limited' }])
    expect((await codesOf(tenantId)).has('victim@example.org')).toBe(false)
    const seen = await audit.call<AlertMail>('GET', '/v1/audit/alert-mail', admin(tenantId))
    expect(seen.body.addresses).toEqual(['a4@example.org', 'b4@example.org'])
    expect(await audit.told(tenantId, 'alert_mail.changed')).toHaveLength(5)
    await audit.admin`
      update alert_mail set confirmations_since = now() - interval '25 hours' where tenant_id = ${tenantId}`
    expect((await set(tenantId, { addresses: ['c@example.org'] })).status).toBe(200)
  })

  test('is confirmed by an administrator only', async () => {
    const tenantId = newTenant()
    await set(tenantId, { addresses: ['one@example.org'] })
    const [code] = (await codesOf(tenantId)).values()
    const reader = { tenantId, permissions: ['audit:read' as const] }
    expect((await audit.call('POST', '/v1/audit/alert-mail/confirm', reader, { code })).status).toBe(403)
  })
})

describe('setting it', () => {
  test.each([
    { addresses: ['no address'] },
    { addresses: ['a@example.org\nBcc: b@example.org'] },
    { addresses: Array.from({ length: 6 }, (_, i) => `u${i}@example.org`) },
    { addresses: [], min_severity: 'loud' },
    {},
  ])('refuses %j', async (body) => {
    const tenantId = newTenant()
    expect(await set(tenantId, body)).toMatchObject({ status: 400 })
    expect(await audit.told(tenantId, 'alert_mail.changed')).toEqual([])
  })

  test('needs admin:* and is seen by the own tenant only', async () => {
    const [mine, other] = [newTenant(), newTenant()]
    await set(mine, { addresses: ['one@example.org'] })
    const seen = await audit.call<AlertMail>('GET', '/v1/audit/alert-mail', admin(other))
    expect(seen.body.addresses).toEqual([])
    const refused = await audit.call('GET', '/v1/audit/alert-mail', { tenantId: mine, permissions: ['audit:read'] })
    expect(refused.status).toBe(403)
  })
})

describe('where private addresses are not allowed', () => {
  test.each([
    'http://example.org/hook',
    'https://127.0.0.1/hook',
    'https://localhost/hook',
    'https://169.254.169.254/latest',
    'https://[::1]/',
    'https://10.0.0.8/',
    'https://0x7f.1/',
    'https://example.org:22/',
  ])('a webhook at %s is refused', async (url) => {
    const tenantId = newTenant()
    const refused = await audit.call('POST', '/v1/audit/webhooks', admin(tenantId), { url })
    expect(refused).toMatchObject({ status: 422, body: { code: 'rule_violated', errors: [{ pointer: '/url' }] } })
  })

  test('a name that leads to one is not posted to', async () => {
    const tenantId = newTenant()
    const made = await audit.call<{ id: string }>('POST', '/v1/audit/webhooks', admin(tenantId), {
      url: 'https://internal.invalid/',
    })
    expect(made.status).toBe(201)
    const tested = await audit.call('POST', `/v1/audit/webhooks/${made.body.id}/test`, admin(tenantId))
    expect(tested.body).toEqual({ delivered: false, status: null, failure: 'its host has no public address' })
  })
})

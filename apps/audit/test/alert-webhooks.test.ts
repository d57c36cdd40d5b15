import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AlertWebhook } from '@memoric/contracts/alert-delivery-contract.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { happenings, newTenant } from './happenings.ts'
import { useAuditApp } from './use-audit-app.ts'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
type WebhookWithSecret = AlertWebhook & { secret: string }

const audit = useAuditApp(useAuditDatabase(), { privateNetworks: true, retries: [20, 20, 20], followers: 2 })
const ada = '0198c0de-0000-7000-8000-0000000000ad'
let received: Received[] = []
/** Statuses to answer, the last one from then on. */
let answers = [204]
/** How long the receiver takes to answer at the path /slow, ms. */
const SLOW_MS = 1500

const receiver = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
    const status = (answers.length > 1 ? answers.shift() : answers[0]) ?? 500
    const answer = () =>
      response.writeHead(status, { location: 'http://169.254.169.254/' }).end('what the receiver says')
    setTimeout(answer, request.url === '/slow' ? SLOW_MS : 0)
  })
})
beforeAll(() => new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise((resolve) => receiver.close(resolve)))
beforeEach(() => {
  received = []
  answers = [204]
})

const url = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
const admin = (tenantId: TenantId) => ({ tenantId, permissions: ['admin:*' as const] })
const raise = (tenantId: TenantId, user = ada) =>
  audit.log(happenings(tenantId).byUser(user, { type: 'user.role_changed' }))

async function create(tenantId: TenantId, body: object = {}): Promise<WebhookWithSecret> {
  const made = await audit.call<WebhookWithSecret>('POST', '/v1/audit/webhooks', admin(tenantId), {
    url: url(),
    ...body,
  })
  expect(made.status).toBe(201)
  return made.body
}

async function list(tenantId: TenantId): Promise<AlertWebhook[]> {
  return (await audit.call<{ items: AlertWebhook[] }>('GET', '/v1/audit/webhooks', admin(tenantId))).body.items
}

/** As a receiver checks it, by the words of Standard Webhooks. */
function isSigned({ headers, body }: Received, secret: string): boolean {
  const content = `${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const expected = `v1,${createHmac('sha256', key).update(content).digest('base64')}`
  return (headers['webhook-signature'] as string).split(' ').includes(expected)
}

const waiting = async (tenantId: TenantId) =>
  (await audit.admin`select 1 from alert_deliveries where tenant_id = ${tenantId}`).length

describe('a delivery', () => {
  test('is signed, says what the alert says, and comes once', async () => {
    const tenantId = newTenant()
    const { secret } = await create(tenantId)
    await raise(tenantId)
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(1)
    await expect.poll(() => waiting(tenantId)).toBe(0)
    const [delivery] = received
    expect(isSigned(delivery!, secret)).toBe(true)
    expect(Math.abs(Number(delivery!.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(10)
    expect(JSON.parse(delivery!.body)).toMatchObject({
      type: 'alert.raised',
      data: {
        tenant_id: tenantId,
        detection: 'privilege_change',
        severity: 'warning',
        entity: { type: 'user', id: ada },
      },
    })
    expect(await list(tenantId)).toMatchObject([{ last_status: 204, last_failure: null }])
  })

  test('is tried again under the same id until it is taken', async () => {
    const tenantId = newTenant()
    const { secret } = await create(tenantId)
    answers = [500, 302, 200]
    await raise(tenantId)
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(3)
    await expect.poll(() => waiting(tenantId)).toBe(0)
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(received.every((delivery) => isSigned(delivery, secret))).toBe(true)
  }, 30_000)

  test('is given up after the last attempt, and the tenant sees why', async () => {
    const tenantId = newTenant()
    await create(tenantId)
    answers = [503]
    await raise(tenantId)
    await expect.poll(() => received.length, { timeout: 25_000 }).toBe(4)
    await expect.poll(() => waiting(tenantId)).toBe(0)
    expect(await list(tenantId)).toMatchObject([
      { last_status: 503, last_failure: 'it answered 503', disabled_at: null },
    ])
  }, 40_000)

  test('to an address that is gone is the last one', async () => {
    const tenantId = newTenant()
    await create(tenantId)
    answers = [410]
    await raise(tenantId)
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(1)
    await expect.poll(async () => (await list(tenantId))[0]!.disabled_at).not.toBeNull()
    await raise(tenantId, 'somebody-else')
    await audit.noticed()
    expect(await waiting(tenantId)).toBe(0)
    expect(received).toHaveLength(1)
  })

  test('goes to webhooks that want the severity only', async () => {
    const tenantId = newTenant()
    await create(tenantId, { min_severity: 'critical' })
    await raise(tenantId)
    await audit.noticed()
    expect(await waiting(tenantId)).toBe(0)
    await audit.log(happenings(tenantId).byUser(ada, { type: 'auth.token.reused' }))
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(1)
  })

  test('does not wait for slow receivers of another tenant', async () => {
    const [slow, quick] = [newTenant(), newTenant()]
    await Promise.all(Array.from({ length: 10 }, () => create(slow, { url: url().replace('/hook', '/slow') })))
    await create(quick)
    for (const user of ['one', 'two', 'three', 'four']) await raise(slow, user)
    await expect.poll(() => waiting(slow), { timeout: 10_000 }).toBeGreaterThan(20)
    const started = performance.now()
    await raise(quick)
    const tenants = () =>
      received.map(({ body }) => (JSON.parse(body) as { data: { tenant_id: string } }).data.tenant_id)
    await expect.poll(() => tenants().includes(quick), { timeout: 20_000 }).toBe(true)
    expect(performance.now() - started).toBeLessThan(SLOW_MS * 3)
    await audit.admin`delete from alert_deliveries where tenant_id = ${slow}`
  }, 40_000)

  test('never goes to another tenant', async () => {
    const [mine, other] = [newTenant(), newTenant()]
    await create(other)
    await raise(mine)
    await audit.noticed()
    expect(await waiting(mine)).toBe(0)
    expect(JSON.stringify(received)).not.toContain(mine)
  })

  test('of a webhook that was deleted does not come, also when it waited', async () => {
    const tenantId = newTenant()
    const { id } = await create(tenantId)
    await audit.admin`insert into alert_deliveries (id, tenant_id, alert_id, webhook_id, next_attempt_at)
      values (gen_random_uuid(), ${tenantId}, gen_random_uuid(), ${id}, now() + interval '1 hour')`
    expect(await audit.call('DELETE', `/v1/audit/webhooks/${id}`, admin(tenantId))).toMatchObject({ status: 204 })
    expect(await waiting(tenantId)).toBe(0)
    expect(await list(tenantId)).toEqual([])
    expect(await audit.call('DELETE', `/v1/audit/webhooks/${id}`, admin(tenantId))).toMatchObject({
      status: 404,
      body: { code: 'alert_webhook_not_found' },
    })
  })

  test('tells what an actor is called as it is, as JSON and nothing else', async () => {
    const tenantId = newTenant()
    const { secret } = await create(tenantId)
    const name = 'x"}\r\nwebhook-signature: v1,forged\r\n\u2028<script>'
    await raise(tenantId, name)
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(1)
    expect(isSigned(received[0]!, secret)).toBe(true)
    expect(JSON.parse(received[0]!.body)).toMatchObject({ data: { entity: { id: name } } })
  })
})

describe('a secret', () => {
  test('is shown once, sealed at rest, and another one for each webhook', async () => {
    const tenantId = newTenant()
    const [one, two] = [await create(tenantId), await create(tenantId)]
    expect(one.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(one.secret).not.toBe(two.secret)
    expect(JSON.stringify(await list(tenantId))).not.toContain('whsec_')
    const rows =
      await audit.admin`select encode(secret_sealed, 'escape') || encode(url_sealed, 'escape') as row from alert_webhooks`
    for (const { row } of rows) expect(row).not.toMatch(/whsec|127\.0\.0\.1|hook/)
    expect(JSON.stringify(await audit.told(tenantId, 'alert_webhook.created'))).not.toMatch(/whsec|127\.0\.0\.1/)
  })

  test('that was rotated signs beside the new one for a day', async () => {
    const tenantId = newTenant()
    const { id, secret } = await create(tenantId)
    const rotated = await audit.call<WebhookWithSecret>('POST', `/v1/audit/webhooks/${id}/rotate`, admin(tenantId))
    expect(rotated.body.secret).not.toBe(secret)
    const post = () => audit.call('POST', `/v1/audit/webhooks/${id}/test`, admin(tenantId))
    await post()
    expect([isSigned(received[0]!, secret), isSigned(received[0]!, rotated.body.secret)]).toEqual([true, true])
    await audit.admin`update alert_webhooks set previous_until = now() - interval '1 second' where id = ${id}`
    await post()
    expect([isSigned(received[1]!, secret), isSigned(received[1]!, rotated.body.secret)]).toEqual([false, true])
    expect(await audit.told(tenantId, 'alert_webhook.rotated')).toHaveLength(1)
  })
})

describe('a test delivery', () => {
  test('says what came of it, and nothing of what the other side answered', async () => {
    const tenantId = newTenant()
    const { id, secret } = await create(tenantId)
    const post = () => audit.call('POST', `/v1/audit/webhooks/${id}/test`, admin(tenantId))
    expect(await post()).toMatchObject({ body: { delivered: true, status: 204, failure: null } })
    expect(isSigned(received[0]!, secret)).toBe(true)
    expect(JSON.parse(received[0]!.body)).toMatchObject({ type: 'webhook.test', data: { tenant_id: tenantId } })
    answers = [500]
    const failed = await post()
    expect(failed.body).toEqual({ delivered: false, status: 500, failure: 'it answered 500' })
    answers = [302]
    expect((await post()).body).toEqual({ delivered: false, status: null, failure: 'it answers with a redirect' })
    const told = await audit.told(tenantId, 'alert_webhook.tested')
    expect(told.map(({ data }) => [data.resource_id, data.details])).toEqual([
      [id, { delivered: true, status: 204 }],
      [id, { delivered: false, status: 500 }],
      [id, { delivered: false, status: null }],
    ])
  })
})

describe('webhooks', () => {
  test('are ten at most, however many are made at once', async () => {
    const tenantId = newTenant()
    const body = { url: url() }
    const made = await Promise.all(
      Array.from({ length: 14 }, () => audit.call('POST', '/v1/audit/webhooks', admin(tenantId), body)),
    )
    expect(made.filter(({ status }) => status === 201)).toHaveLength(10)
    expect(made.filter(({ status }) => status === 422)).toHaveLength(4)
    expect(await list(tenantId)).toHaveLength(10)
  })

  test('of another tenant are not there', async () => {
    const [mine, other] = [newTenant(), newTenant()]
    const { id } = await create(mine)
    expect(await list(other)).toEqual([])
    for (const [method, path] of [
      ['DELETE', ''],
      ['POST', '/rotate'],
      ['POST', '/test'],
    ] as const) {
      const answer = await audit.call(method, `/v1/audit/webhooks/${id}${path}`, admin(other))
      expect(answer).toMatchObject({ status: 404, body: { code: 'alert_webhook_not_found' } })
    }
    expect(received).toEqual([])
    expect(await list(mine)).toHaveLength(1)
  })

  test('need admin:* and a credential for the whole tenant', async () => {
    const tenantId = newTenant()
    const post = (caller: object) => audit.call('POST', '/v1/audit/webhooks', { tenantId, ...caller }, { url: url() })
    expect(await post({ permissions: ['audit:read'] })).toMatchObject({ status: 403 })
    expect(await post({ permissions: ['admin:*'], subjects: ['ada'] })).toMatchObject({ status: 403 })
    expect(await list(tenantId)).toEqual([])
  })

  test.each(['ftp://example.org/', 'http://user:password@example.org/', 'no url', 'file:///etc/passwd'])(
    'refuse %s',
    async (address) => {
      const tenantId = newTenant()
      const refused = await audit.call('POST', '/v1/audit/webhooks', admin(tenantId), { url: address })
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/url' }] } })
      expect(await audit.told(tenantId, 'alert_webhook.created')).toEqual([])
    },
  )
})

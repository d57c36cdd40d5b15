import { randomUUID } from 'node:crypto'
import { PLATFORM_TENANT, tenantId } from '@memoric/contracts/ids.ts'
import { MAX_REFUSALS, type RefusalReport, REFUSALS_PATH } from '@memoric/contracts/refusals.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const gateway = { principal: { type: 'service' as const, id: 'gateway' } }

beforeEach(async () => {
  await auth.admin`delete from outbox`
})

function report(changes: Partial<RefusalReport> = {}): RefusalReport {
  return {
    id: uuidV7() as RefusalReport['id'],
    type: 'authz.denied',
    tenantId: tenantId.parse(randomUUID()),
    principal: { type: 'api_key', id: randomUUID() },
    reason: 'permission_denied',
    resourceId: randomUUID(),
    endpoint: '/v1/memories/:id',
    method: 'DELETE',
    statusCode: 403,
    requestId: randomUUID(),
    clientAddress: '203.0.113.7',
    userAgent: 'a browser',
    at: Date.now() - 5000,
    durationMs: 1.5,
    count: 3,
    ...changes,
  }
}

function tell(refusals: unknown, caller = gateway) {
  return auth.call('POST', REFUSALS_PATH, { refusals }, caller)
}

async function outboxSize(): Promise<number> {
  const [row] = await auth.admin<{ count: number }[]>`select count(*)::int as count from outbox`
  return row?.count ?? 0
}

describe('what a gateway refused', () => {
  test('becomes an event of the gateway in the tenant that it belongs to, at the time when it happened', async () => {
    const refused = report()
    expect((await tell([refused])).status).toBe(204)
    const [event] = await auth.events('authz.denied')
    expect(event).toMatchObject({
      id: refused.id,
      source: 'memoric/gateway',
      tenantid: refused.tenantId,
      actor: `api_key:${refused.principal.id}`,
      time: new Date(refused.at).toISOString(),
      data: {
        resource_type: 'route',
        resource_id: refused.resourceId,
        outcome: 'denied',
        reason: 'permission_denied',
        request_id: refused.requestId,
        endpoint: '/v1/memories/:id',
        method: 'DELETE',
        status_code: 403,
        details: { count: 3 },
      },
    })
    expect(event!.data.duration_ms).toBeGreaterThanOrEqual(1.5)
    expect(auth.personalOf(event!)).toEqual({ ip_address: '203.0.113.7', user_agent: 'a browser', email: null })
  })

  test('has its address and user agent sealed', async () => {
    await tell([report()])
    const [row] = await auth.admin<{ payload: string }[]>`select payload from outbox`
    expect(row?.payload).not.toContain('203.0.113.7')
    expect(row?.payload).not.toContain('a browser')
  })

  test('of many tenants may come together', async () => {
    const refused = Array.from({ length: MAX_REFUSALS }, () => report())
    expect((await tell(refused)).status).toBe(204)
    const rows = await auth.admin<{ tenant_id: string }[]>`select tenant_id from outbox`
    expect(new Set(rows.map((row) => row.tenant_id))).toEqual(new Set(refused.map((one) => one.tenantId)))
  })

  test('is kept once however often it comes', async () => {
    const refused = report()
    const answers = await Promise.all(Array.from({ length: 5 }, () => tell([refused])))
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204, 204])
    expect(await outboxSize()).toBe(1)
  })

  test('may have no request behind it', async () => {
    const nothing = { endpoint: null, method: null, statusCode: null, resourceId: null, userAgent: null }
    await tell([report({ ...nothing, type: 'refusals.dropped', tenantId: PLATFORM_TENANT, clientAddress: '' })])
    const [event] = await auth.events('refusals.dropped')
    expect(event?.data).toMatchObject({ endpoint: null, method: null, status_code: null })
  })
})

describe('nobody but a service', () => {
  test.each(['user', 'api_key', 'anonymous'] as const)('tells of refusals: not a caller of type %s', async (type) => {
    const answer = await tell([report()], { principal: { type, id: randomUUID() } } as never)
    expect(answer).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
    expect(await outboxSize()).toBe(0)
  })

  test('nor anybody without a service key', async () => {
    const answer = await auth.app.inject({ method: 'POST', url: REFUSALS_PATH, payload: { refusals: [report()] } })
    expect(answer.statusCode).toBe(401)
    expect(await outboxSize()).toBe(0)
  })
})

describe('what is no report is refused as a whole, and nothing is kept', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no list', {}],
    ['an empty list', []],
    ['too many', Array.from({ length: MAX_REFUSALS + 1 }, () => report())],
    ['an event that is none of the gateway', [report({ type: 'memory.deleted' as never })]],
    ['an event of auth', [report({ type: 'auth.login.succeeded' as never })]],
    ['no tenant', [report({ tenantId: 'x' as never })]],
    ['an id that is none', [report({ id: 'x' as never })]],
    ['a principal that is none', [report({ principal: { type: 'root' as never, id: 'x' } })]],
    ['a status that is none of a refusal', [report({ statusCode: 200 })]],
    ['a time that is none', [report({ at: 1e300 })]],
    ['a count of nothing', [report({ count: 0 })]],
    ['a reason that is too long', [report({ reason: 'x'.repeat(65) })]],
    ['a field that is not known', [{ ...report(), details: {} }]],
    ['one among good ones', [report(), report({ count: -1 }), report()]],
  ])('%s', async (_what, refusals) => {
    expect(await tell(refusals)).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
    expect(await outboxSize()).toBe(0)
  })
})

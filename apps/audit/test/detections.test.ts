import { randomUUID } from 'node:crypto'
import type { Alert, DetectionView } from '@memoric/contracts/alert-contract.ts'
import { DETECTION_IDS, type DetectionId } from '@memoric/contracts/detections.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EventInput, OutboxEvent } from '@memoric/service/event-factory.ts'
import { describe, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { DAY, happenings, HOUR, newTenant, SECOND } from './happenings.ts'
import { useAuditApp } from './use-audit-app.ts'

const audit = useAuditApp(useAuditDatabase(), { followers: 2 })

async function alertsOf(tenantId: TenantId, query = ''): Promise<Alert[]> {
  const { status, body } = await audit.call<{ items: Alert[] }>('GET', `/v1/audit/alerts${query}`, { tenantId })
  expect(status).toBe(200)
  return body.items
}

async function found(tenantId: TenantId): Promise<string[]> {
  await audit.noticed()
  return (await alertsOf(tenantId)).map(({ detection }) => detection).toSorted()
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const ada = '0198c0de-0000-7000-8000-0000000000ad'

/** What makes each detection fire, and what is just not enough; made anew for each tenant. */
type Pair = (tenantId: TenantId) => { fires: OutboxEvent[]; silent: OutboxEvent[]; about: string }

const cases: Record<DetectionId, Pair> = {
  failed_sign_ins(tenantId) {
    const failures = times(6, (i) =>
      happenings(tenantId).failedSignIn(ada, { address: `198.51.${i}.7`, ago: 90 * SECOND * i }),
    )
    return { fires: failures, silent: failures.slice(1), about: 'user' }
  },
  password_spray(tenantId) {
    const failures = times(10, (i) => happenings(tenantId).failedSignIn(randomUUID(), { ago: i * 60 * SECOND }))
    return { fires: failures, silent: [...failures.slice(1), failures[1]!], about: 'address' }
  },
  spread_password_spray(tenantId) {
    const failures = times(30, (i) =>
      happenings(tenantId).failedSignIn(null, { address: `203.0.${i}.1`, email: `user${i}@example.org` }),
    )
    return { fires: failures, silent: failures.slice(1), about: 'tenant' }
  },
  sign_in_after_failures(tenantId) {
    const { failedSignIn, signIn } = happenings(tenantId)
    const failures = times(5, (i) => failedSignIn(ada, { address: `198.51.${i}.7` }))
    const success = signIn(ada)
    return { fires: [...failures, success], silent: [...failures.slice(1), success], about: 'user' }
  },
  mass_read(tenantId) {
    const { byUser } = happenings(tenantId)
    const pages = times(10, () => byUser(ada, { type: 'memory.listed', details: { count: 1999 } }))
    const searches = times(2, () =>
      byUser(ada, { type: 'memory.searched', details: { results: ['1', '2', '3', '4', '5'] } }),
    )
    return { fires: [...pages, ...searches], silent: [...pages, searches[0]!], about: 'user' }
  },
  mass_export(tenantId) {
    const exports = times(5, (i) =>
      happenings(tenantId).byUser(ada, { type: i % 2 === 0 ? 'audit.export_started' : 'export.requested' }),
    )
    return { fires: exports, silent: exports.slice(1), about: 'user' }
  },
  mass_erasure(tenantId) {
    const erasures = times(20, () => happenings(tenantId).byUser(ada, { type: 'subject.erasure_started' }))
    return { fires: erasures, silent: erasures.slice(1), about: 'user' }
  },
  mass_deletion(tenantId) {
    const deletions = times(500, () => happenings(tenantId).byUser(ada, { type: 'memory.deleted' }))
    return { fires: deletions, silent: deletions.slice(1), about: 'user' }
  },
  foreign_ids(tenantId) {
    const { byUser } = happenings(tenantId)
    const refused = (statusCode: number, count: number) =>
      byUser(ada, { type: 'request.refused', outcome: 'denied', statusCode, details: { count } })
    const others = refused(400, 100)
    return {
      fires: [refused(404, 12), refused(403, 8), others],
      silent: [refused(404, 12), refused(403, 7), others],
      about: 'user',
    }
  },
  privilege_change(tenantId) {
    const { byUser } = happenings(tenantId)
    return {
      fires: [byUser(ada, { type: 'user.created', details: { role: 'admin' } })],
      silent: [
        byUser(ada, { type: 'user.created', details: { role: 'user' } }),
        byUser(ada, { type: 'api_key.created', details: { scopes: ['memories:read'] } }),
      ],
      about: 'user',
    }
  },
  audit_setting_change(tenantId) {
    const { byUser } = happenings(tenantId)
    return {
      fires: [byUser(ada, { type: 'tenant.updated', details: { changed: ['name', 'audit_reads'] } })],
      silent: [byUser(ada, { type: 'tenant.updated', details: { changed: ['name'] } })],
      about: 'user',
    }
  },
  loosened_settings(tenantId) {
    const { byUser } = happenings(tenantId)
    const changed = ['totp_required', 'rate_limit']
    return {
      fires: [byUser(ada, { type: 'tenant.updated', details: { changed, loosened: ['totp_required'] } })],
      silent: [
        byUser(ada, { type: 'tenant.updated', details: { changed } }),
        byUser(ada, { type: 'tenant.updated', details: { changed, loosened: ['rate_limit'] } }),
      ],
      about: 'user',
    }
  },
  log_fault(tenantId) {
    const { byUser } = happenings(tenantId)
    return {
      fires: [byUser(ada, { type: 'audit.difference_found', outcome: 'failure' })],
      silent: [byUser(ada, { type: 'audit.retention_run' })],
      about: 'user',
    }
  },
  far_time(tenantId) {
    const { byUser } = happenings(tenantId)
    const read = (ago: number) => byUser(ada, { type: 'memory.read' }, { ago })
    return { fires: [read(8 * DAY + HOUR)], silent: [read(8 * DAY - HOUR), read(HOUR - DAY)], about: 'user' }
  },
  stolen_credential(tenantId) {
    const { byUser } = happenings(tenantId)
    return {
      fires: [byUser(ada, { type: 'auth.token.reused', outcome: 'denied' })],
      silent: [byUser(ada, { type: 'auth.token.refreshed' })],
      about: 'user',
    }
  },
  new_key_address(tenantId) {
    const { byKey } = happenings(tenantId)
    const known = times(3, (i) => byKey('k1', { ago: (3 - i) * HOUR }))
    const sameNetwork = byKey('k1', { address: '198.51.100.200' })
    const refusedElsewhere = byKey('k1', { address: '203.0.113.9' }, { type: 'auth.key.rejected', outcome: 'denied' })
    return {
      fires: [...known, byKey('k1', { address: '203.0.113.9' })],
      silent: [...known, sameNetwork, refusedElsewhere],
      about: 'api_key',
    }
  },
  dormant_key(tenantId) {
    const { byKey } = happenings(tenantId)
    return {
      fires: [byKey('k1', { ago: 61 * DAY }), byKey('k1')],
      silent: [byKey('k1', { ago: 59 * DAY }), byKey('k1')],
      about: 'api_key',
    }
  },
  unusual_hour(tenantId) {
    const { signIn } = happenings(tenantId)
    const hourAgo = Math.floor(Date.now() / HOUR) * HOUR - Date.now()
    const usual = (days: number) => times(days, (i) => signIn(ada, { ago: (days - i) * DAY + 6 * HOUR - hourAgo }))
    return { fires: [...usual(14), signIn(ada)], silent: [...usual(13), signIn(ada)], about: 'user' }
  },
}

test.each<Pick<EventInput, 'type' | 'details'>>([
  { type: 'context.made', details: { told: ['1', '2', '3', '4', '5'] } },
  { type: 'wake_up.made', details: { told: ['1', '2', '3', '4', '5'] } },
  { type: 'edge.traversed', details: { memory_ids: ['1', '2', '3', '4', '5'] } },
  { type: 'capsule.opened', details: { memory_ids: ['1', '2', '3', '4', '5'] } },
  { type: 'thread.summarised', details: { sources: 5 } },
  { type: 'knowledge.read', details: { count: 5 } },
])('mass_read counts what $type gave', async (input) => {
  const tenantId = newTenant()
  const { byUser } = happenings(tenantId)
  await audit.log(byUser(ada, { type: 'memory.listed', details: { count: 19_995 } }), byUser(ada, input))
  expect(await found(tenantId)).toContain('mass_read')
})

test('far_time sees events of more than a day from now', async () => {
  const tenantId = newTenant()
  await audit.log(happenings(tenantId).byUser(ada, { type: 'memory.read' }, { ago: -DAY - HOUR }))
  expect(await found(tenantId)).toEqual(['far_time'])
})

test('mass_export counts who downloads what others asked for', async () => {
  const tenantId = newTenant()
  await audit.log(...times(5, () => happenings(tenantId).byUser(ada, { type: 'export.downloaded' })))
  expect(await found(tenantId)).toEqual(['mass_export'])
})

test.each<EventInput['type']>(['alert_webhook.created', 'alert_webhook.rotated', 'alert_webhook.deleted'])(
  'audit_setting_change sees %s',
  async (type) => {
    const tenantId = newTenant()
    await audit.log(happenings(tenantId).byUser(ada, { type }))
    expect(await found(tenantId)).toEqual(['audit_setting_change'])
  },
)

describe.each(DETECTION_IDS)('%s', (detection) => {
  test('fires, with the events that show it', async () => {
    const tenantId = newTenant()
    const { fires, about } = cases[detection](tenantId)
    await audit.log(...fires)
    expect(await found(tenantId)).toContain(detection)
    const [alert] = await alertsOf(tenantId, `?detection=${detection}`)
    const ids = new Set(fires.map(({ eventId }) => eventId))
    expect(alert!.evidence.length).toBeGreaterThan(0)
    expect(alert!.evidence.filter((id) => !ids.has(id))).toEqual([])
    expect(alert).toMatchObject({ state: 'open', count: 1, entity: { type: about } })
    const [told] = (await audit.told(tenantId, 'alert.raised')).filter(
      ({ data }) => data.details['detection'] === detection,
    )
    expect(told).toMatchObject({ actor: 'service:audit', data: { resource_id: alert!.id } })
  })

  test('stays silent just below', async () => {
    const tenantId = newTenant()
    const { silent } = cases[detection](tenantId)
    await audit.log(...silent)
    expect(await found(tenantId)).not.toContain(detection)
  })

  test('stays silent while it is off', async () => {
    const tenantId = newTenant()
    const off = await audit.call('PUT', `/v1/audit/detections/${detection}`, admin(tenantId), { enabled: false })
    expect(off.status).toBe(200)
    await audit.log(...cases[detection](tenantId).fires)
    expect(await found(tenantId)).not.toContain(detection)
  })
})

const admin = (tenantId: TenantId) => ({ tenantId, permissions: ['admin:*' as const, 'audit:read' as const] })

describe('windows', () => {
  test('what is older than the window does not count', async () => {
    const tenantId = newTenant()
    const { failedSignIn } = happenings(tenantId)
    await audit.log(...times(5, () => failedSignIn(ada, { ago: 1000 * SECOND })), ...times(5, () => failedSignIn(ada)))
    expect(await found(tenantId)).toEqual([])
  })

  test('attempts that were refused together count each', async () => {
    const tenantId = newTenant()
    const { failedSignIn, event } = happenings(tenantId)
    const throttled = event({
      type: 'auth.login.failed',
      resourceId: ada,
      outcome: 'denied',
      reason: 'throttled',
      details: { attempts: 4 },
    })
    await audit.log(failedSignIn(ada), failedSignIn(ada), throttled)
    expect(await found(tenantId)).toEqual(['failed_sign_ins'])
  })

  test('state survives between batches, whoever of several processes looks', async () => {
    const tenantId = newTenant()
    for (const failure of times(6, () => happenings(tenantId).failedSignIn(ada))) {
      await audit.log(failure)
      await audit.noticed()
    }
    const alerts = await alertsOf(tenantId)
    expect(alerts).toMatchObject([{ detection: 'failed_sign_ins', observed: 6, count: 1 }])
    expect(alerts[0]!.evidence).toHaveLength(6)
  })

  test('events that arrive in another order count as well', async () => {
    const tenantId = newTenant()
    const failures = times(6, (i) => happenings(tenantId).failedSignIn(ada, { ago: i * 100 * SECOND }))
    await audit.log(...failures.toSorted(() => Math.random() - 0.5))
    expect(await found(tenantId)).toEqual(['failed_sign_ins'])
  })
})

describe('the same again', () => {
  test('lets the alert grow instead of raising another', async () => {
    const tenantId = newTenant()
    const { failedSignIn } = happenings(tenantId)
    await audit.log(...times(6, () => failedSignIn(ada)))
    await audit.noticed()
    const more = times(150, () => failedSignIn(ada))
    await audit.log(...more)
    expect(await found(tenantId)).toEqual(['failed_sign_ins'])
    const [alert] = await alertsOf(tenantId)
    expect(alert).toMatchObject({ count: 151, observed: 156 })
    expect(alert!.evidence).toHaveLength(100)
    expect(alert!.evidence.at(-1)).toBe(more.at(-1)!.eventId)
    expect(await audit.told(tenantId, 'alert.raised')).toHaveLength(1)
  })

  test('about somebody else is another alert', async () => {
    const tenantId = newTenant()
    const { failedSignIn } = happenings(tenantId)
    const other = randomUUID()
    await audit.log(...times(6, () => failedSignIn(ada)), ...times(6, () => failedSignIn(other)))
    await audit.noticed()
    const alerts = await alertsOf(tenantId)
    expect(alerts.map(({ entity }) => entity.id).toSorted()).toEqual([ada, other].toSorted())
  })

  test('after the alert was closed raises another', async () => {
    const tenantId = newTenant()
    const { byUser } = happenings(tenantId)
    const change = () => byUser(ada, { type: 'user.role_changed' })
    await audit.log(change())
    await audit.noticed()
    const [alert] = await alertsOf(tenantId)
    await audit.call('PATCH', `/v1/audit/alerts/${alert!.id}`, admin(tenantId), { state: 'closed' })
    await audit.log(change())
    expect(await found(tenantId)).toEqual(['privilege_change', 'privilege_change'])
  })

  test('looked at by two processes at once is one alert with each finding counted once', async () => {
    const tenantId = newTenant()
    for (let round = 0; round < 20; round += 1) {
      await audit.log(happenings(tenantId).byUser(ada, { type: 'user.role_changed' }))
    }
    expect(await found(tenantId)).toEqual(['privilege_change'])
    expect(await alertsOf(tenantId)).toMatchObject([{ count: 20 }])
  })
})

describe('settings', () => {
  test('are those that are built in until the tenant changes them, for itself only', async () => {
    const [tenantId, other] = [newTenant(), newTenant()]
    const before = await audit.call<{ items: DetectionView[] }>('GET', '/v1/audit/detections', { tenantId })
    expect(before.body.items.map(({ id }) => id)).toEqual(DETECTION_IDS)
    const changed = await audit.call<DetectionView>('PUT', '/v1/audit/detections/failed_sign_ins', admin(tenantId), {
      threshold: 3,
      window_seconds: 60,
    })
    expect(changed.body).toMatchObject({ enabled: true, threshold: 3, window_seconds: 60, updated_by: 'user:ada' })
    await audit.log(...times(3, () => happenings(tenantId).failedSignIn(ada)))
    await audit.log(...times(3, () => happenings(other).failedSignIn(ada)))
    expect(await found(tenantId)).toContain('failed_sign_ins')
    expect(await found(other)).toEqual([])
  })

  test('that change are told, and are noticed themselves', async () => {
    const tenantId = newTenant()
    await audit.call('PUT', '/v1/audit/detections/mass_read', admin(tenantId), { enabled: false })
    const [told] = await audit.told(tenantId, 'detection.changed')
    expect(told).toMatchObject({ data: { resource_id: 'mass_read', details: { enabled: false } } })
    await audit.log(happenings(tenantId).byUser(ada, { type: 'detection.changed' }))
    expect(await found(tenantId)).toEqual(['audit_setting_change'])
  })

  test.each([
    ['failed_sign_ins', { threshold: 2 }, '/threshold'],
    ['failed_sign_ins', { threshold: 1001 }, '/threshold'],
    ['privilege_change', { threshold: 5 }, '/threshold'],
    ['mass_read', { window_seconds: 59 }, '/window_seconds'],
    ['mass_read', { window_seconds: 86_401 }, '/window_seconds'],
  ])('%s refuses %j', async (id, body, pointer) => {
    const tenantId = newTenant()
    const refused = await audit.call<{ errors: unknown[] }>('PUT', `/v1/audit/detections/${id}`, admin(tenantId), body)
    expect(refused).toMatchObject({ status: 422, body: { code: 'rule_violated', errors: [{ pointer }] } })
    expect(await audit.told(tenantId, 'detection.changed')).toEqual([])
  })

  test('are refused to those without admin:*, to limited credentials, and for what is no detection', async () => {
    const tenantId = newTenant()
    const put = (caller: object, id = 'mass_read') =>
      audit.call('PUT', `/v1/audit/detections/${id}`, { tenantId, ...caller }, { enabled: false })
    expect(await put({ permissions: ['audit:read'] })).toMatchObject({ status: 403 })
    expect(await put({ ...admin(tenantId), subjects: ['ada'] })).toMatchObject({ status: 403 })
    expect(await put(admin(tenantId), 'everything')).toMatchObject({ status: 400 })
  })
})

describe('what detections remember', () => {
  test('names no address and no e-mail', async () => {
    const tenantId = newTenant()
    const { failedSignIn, byKey } = happenings(tenantId)
    await audit.log(
      ...times(12, (i) => failedSignIn(null, { email: `victim${i}@example.org`, address: '203.0.113.77' })),
    )
    await audit.log(byKey('k1', { address: '203.0.113.77' }), byKey('k1', { address: '198.51.100.77' }))
    expect(await found(tenantId)).toEqual(['new_key_address', 'password_spray'])
    const kept = await audit.admin`
      select to_jsonb(s)::text as row from detection_states as s where tenant_id = ${tenantId}
      union all select to_jsonb(a)::text from alerts as a where tenant_id = ${tenantId}
      union all select payload from outbox where tenant_id = ${tenantId}`
    expect(kept.length).toBeGreaterThan(10)
    for (const { row } of kept) expect(row).not.toMatch(/203\.0\.113|198\.51\.100|victim|example\.org/)
  })

  test('that means nothing any more counts as nothing', async () => {
    const tenantId = newTenant()
    const { failedSignIn } = happenings(tenantId)
    await audit.log(...times(5, () => failedSignIn(ada)))
    await audit.noticed()
    await audit.admin`update detection_states set state = '{"parts": "broken"}' where tenant_id = ${tenantId}`
    await audit.log(...times(6, () => failedSignIn(ada)))
    expect(await found(tenantId)).toContain('failed_sign_ins')
  })
})

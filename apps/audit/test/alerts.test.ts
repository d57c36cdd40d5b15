import { randomUUID } from 'node:crypto'
import type { Alert } from '@memoric/contracts/alert-contract.ts'
import { DETECTIONS } from '@memoric/contracts/detections.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { describe, expect, test } from 'vitest'
import type { Detections } from '../src/detections/notice.ts'
import { useAuditDatabase } from './audit-database.ts'
import { happenings, newTenant } from './happenings.ts'
import { useAuditApp } from './use-audit-app.ts'

/** One detection that always throws, before one that works. */
const detections: Detections = {
  mass_export: {
    ...DETECTIONS.mass_export,
    get pattern(): never {
      throw new Error('a detection is broken')
    },
  },
  ...Object.fromEntries(Object.entries(DETECTIONS).filter(([id]) => id !== 'mass_export')),
}

const audit = useAuditApp(useAuditDatabase(), { detections })
const ada = '0198c0de-0000-7000-8000-0000000000ad'
const admin = (tenantId: TenantId) => ({ tenantId, permissions: ['admin:*' as const, 'audit:read' as const] })
const change = (tenantId: TenantId, user = ada) => happenings(tenantId).byUser(user, { type: 'user.role_changed' })

async function alertsOf(tenantId: TenantId, query = '') {
  await audit.noticed()
  const { body } = await audit.call<{ items: Alert[]; next_cursor: string | null }>('GET', `/v1/audit/alerts${query}`, {
    tenantId,
  })
  return body
}

async function raisedAlert(tenantId: TenantId): Promise<Alert> {
  await audit.log(change(tenantId))
  const { items } = await alertsOf(tenantId)
  return items[0]!
}

describe('a fault', () => {
  test('of a detection stops neither the intake nor the other detections', async () => {
    const tenantId = newTenant()
    await audit.log(
      ...Array.from({ length: 5 }, () => happenings(tenantId).byUser(ada, { type: 'audit.export_started' })),
    )
    await audit.log(change(tenantId))
    expect((await alertsOf(tenantId)).items.map(({ detection }) => detection)).toEqual(['privilege_change'])
    const metrics = await audit.app.inject({ url: '/metrics', headers: { authorization: 'Bearer a-token-for-tests' } })
    expect(metrics.body).toMatch(/memoric_audit_detection_faults\{app="audit"\} [1-9]/)
    expect(metrics.body).toContain('memoric_audit_lines_unnoticed{app="audit"} 0')
  })

  test('of the database with one line passes that line over, after the others were tried without it', async () => {
    const tenantId = newTenant()
    await audit.admin`alter table alerts add constraint poison check (entity_id <> 'poison')`
    const users = ['before', 'poison', 'after', 'later']
    await audit.log(...users.map((user) => change(tenantId, user)))
    const { items } = await alertsOf(tenantId)
    await audit.admin`alter table alerts drop constraint poison`
    expect(items.map(({ entity }) => entity.id).toSorted()).toEqual(['after', 'before', 'later'])
    expect(await audit.admin`select 1 from audit_logs where tenant_id = ${tenantId}`).toHaveLength(4)
  })
})

describe('alerts', () => {
  test('are seen by their tenant alone', async () => {
    const [mine, other] = [newTenant(), newTenant()]
    const alert = await raisedAlert(mine)
    expect((await alertsOf(other)).items).toEqual([])
    expect(await audit.call('GET', `/v1/audit/alerts/${alert.id}`, { tenantId: mine })).toMatchObject({
      status: 200,
      body: alert,
    })
    expect(await audit.call('GET', `/v1/audit/alerts/${alert.id}`, { tenantId: other })).toMatchObject({ status: 404 })
    const stolen = await audit.call('PATCH', `/v1/audit/alerts/${alert.id}`, admin(other), {
      state: 'closed',
      note: 'mine',
    })
    expect(stolen).toMatchObject({ status: 404, body: { code: 'alert_not_found' } })
    expect(await audit.call('GET', `/v1/audit/alerts/${alert.id}`, { tenantId: mine })).toMatchObject({ body: alert })
  })

  test('need audit:read and a credential for the whole tenant', async () => {
    const tenantId = newTenant()
    const alert = await raisedAlert(tenantId)
    for (const url of ['/v1/audit/alerts', `/v1/audit/alerts/${alert.id}`, '/v1/audit/detections']) {
      expect(await audit.call('GET', url, { tenantId, permissions: ['memories:read'] })).toMatchObject({ status: 403 })
      expect(await audit.call('GET', url, { tenantId, subjects: ['ada'] })).toMatchObject({ status: 403 })
    }
    const patch = (caller: object) =>
      audit.call('PATCH', `/v1/audit/alerts/${alert.id}`, { ...admin(tenantId), ...caller }, { state: 'closed' })
    expect(await patch({ permissions: ['audit:read'] })).toMatchObject({ status: 403 })
    expect(await patch({ namespaces: ['work'] })).toMatchObject({ status: 403 })
  })

  test('are found by state, detection, severity and time, in pages', async () => {
    const tenantId = newTenant()
    await audit.log(...Array.from({ length: 7 }, () => change(tenantId, randomUUID())))
    await audit.log(happenings(tenantId).byUser(ada, { type: 'auth.token.reused' }))
    const all = await alertsOf(tenantId)
    expect(all.items).toHaveLength(8)
    const pages: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Awaited<ReturnType<typeof alertsOf>> = await alertsOf(
        tenantId,
        `?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      pages.push(...page.items.map(({ id }) => id))
      cursor = page.next_cursor
    }
    expect(pages).toEqual(all.items.map(({ id }) => id))
    const count = async (query: string) => (await alertsOf(tenantId, query)).items.length
    expect(await count('?severity=critical')).toBe(1)
    expect(await count('?severity=info')).toBe(8)
    expect(await count('?detection=privilege_change')).toBe(7)
    expect(await count('?state=closed')).toBe(0)
    expect(await count('?to=2020-01-01T00:00:00Z')).toBe(0)
    expect(await count('?from=2020-01-01T00:00:00Z')).toBe(8)
    const invalid = await audit.call(
      'GET',
      `/v1/audit/alerts?cursor=${Buffer.from('{"before":"x"}').toString('base64url')}`,
      { tenantId },
    )
    expect(invalid).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } })
  })
})

describe('the state of an alert', () => {
  test('is changed with who and when, and that is told', async () => {
    const tenantId = newTenant()
    const { id } = await raisedAlert(tenantId)
    const patch = (body: object) => audit.call<Alert>('PATCH', `/v1/audit/alerts/${id}`, admin(tenantId), body)
    const acknowledged = await patch({ state: 'acknowledged', note: 'looking' })
    expect(acknowledged).toMatchObject({
      status: 200,
      body: { state: 'acknowledged', acknowledged_by: 'user:ada', note: 'looking', closed_by: null },
    })
    expect(await patch({ state: 'acknowledged' })).toMatchObject({
      status: 409,
      body: { code: 'alert_state_conflict' },
    })
    expect(await patch({ state: 'closed' })).toMatchObject({
      body: { state: 'closed', closed_by: 'user:ada', note: 'looking' },
    })
    expect(await patch({ state: 'acknowledged' })).toMatchObject({ status: 409 })
    expect(await patch({ note: null })).toMatchObject({ status: 200, body: { state: 'closed', note: null } })
    expect(await audit.told(tenantId, 'alert.noted')).toMatchObject([
      { actor: 'user:ada', data: { resource_id: id, details: { has_note: false } } },
    ])
    expect(await audit.told(tenantId, 'alert.acknowledged')).toMatchObject([
      { actor: 'user:ada', data: { resource_id: id, details: { has_note: true } } },
    ])
    expect(await audit.told(tenantId, 'alert.closed')).toHaveLength(1)
    expect(JSON.stringify(await audit.told(tenantId, 'alert.acknowledged'))).not.toContain('looking')
  })

  test('is changed by one of many who try at once', async () => {
    const tenantId = newTenant()
    const { id } = await raisedAlert(tenantId)
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        audit.call('PATCH', `/v1/audit/alerts/${id}`, admin(tenantId), { state: 'acknowledged' }),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(7).fill(409)])
    expect(await audit.told(tenantId, 'alert.acknowledged')).toHaveLength(1)
  })

  test.each([{}, { state: 'open' }, { state: 'gone' }, { note: '' }, { note: 'x'.repeat(2001) }, { severity: 'info' }])(
    'is not changed by %j',
    async (body) => {
      const tenantId = newTenant()
      const alert = await raisedAlert(tenantId)
      expect(await audit.call('PATCH', `/v1/audit/alerts/${alert.id}`, admin(tenantId), body)).toMatchObject({
        status: 400,
      })
      expect((await alertsOf(tenantId)).items).toEqual([alert])
    },
  )

  test('cannot be changed by the role of the service beyond what it has to', async () => {
    const tenantId = newTenant()
    const { id } = await raisedAlert(tenantId)
    const { sql } = audit
    const attempt = (statement: string) =>
      sql.begin(async (tx) => {
        await tx`select set_config('memoric.system', 'on', true)`
        await tx.unsafe(statement)
      })
    await expect(attempt(`delete from alerts where id = '${id}'`)).rejects.toThrow(/permission denied/)
    await expect(attempt(`update alerts set detection = 'x' where id = '${id}'`)).rejects.toThrow(/permission denied/)
    await expect(attempt('truncate alerts')).rejects.toThrow(/permission denied/)
    await expect(attempt('update log_followers set next_index = 0')).rejects.toThrow(/refuses to go back/)
  })
})

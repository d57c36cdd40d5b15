import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AuditLog,
  auditExportHeader,
  auditExportLine,
  auditExportTrailer,
} from '@memoric/contracts/audit-contract.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { happenings, newTenant } from './happenings.ts'
import { makeCaller, makeEvent } from './make-event.ts'
import { useAuditApp } from './use-audit-app.ts'

const audit = useAuditApp(useAuditDatabase())

const exported = (tenantId: TenantId, query: Record<string, string>, caller = {}) =>
  audit.call('GET', `/v1/audit/export?${new URLSearchParams(query).toString()}`, { tenantId, ...caller })

/** Rows of RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  for (const [, cell = '', end] of text.matchAll(/("(?:[^"]|"")*"|[^",\n]*)(,|\n)/g)) {
    rows.at(-1)!.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell)
    if (end === '\n') rows.push([])
  }
  return rows.slice(0, -1)
}

describe('an export', () => {
  test('as NDJSON has every line of the tenant once, oldest first, with what verifies it', async () => {
    const [tenantId, other] = [newTenant(), newTenant()]
    await audit.log(
      ...Array.from({ length: 1300 }, (_, i) => makeEvent({}, { tenantId: i % 2 === 0 ? tenantId : other })),
    )
    const { status, text, headers } = await exported(tenantId, {})
    expect([status, headers['content-type']]).toEqual([200, 'application/x-ndjson; charset=utf-8'])
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    const header = auditExportHeader.parse(lines.shift())
    expect(header).toMatchObject({ tenant_id: tenantId, complete: true })
    expect(auditExportTrailer.parse(lines.pop())).toMatchObject({ lines: 650 })
    const leaves = lines.map(
      (line) => JSON.parse(auditExportLine.parse(line).canonical) as { tenant_id: string; tenant_seq: number },
    )
    expect(leaves.map((leaf) => leaf.tenant_seq)).toEqual(Array.from({ length: 650 }, (_, i) => i + 1))
    expect(new Set(leaves.map((leaf) => leaf.tenant_id))).toEqual(new Set([tenantId]))
    expect(lines[0]).toMatchObject({ personal: { ip_address: '192.0.2.77' } })
  })

  test('ends at the line that was the last when it began, and tells how it began and ended', async () => {
    const tenantId = newTenant()
    await audit.log(...Array.from({ length: 40 }, () => makeEvent({}, { tenantId })))
    const { text } = await exported(tenantId, { format: 'csv', operation: 'memory.*' }, { requestId: 'the-export' })
    expect(parseCsv(text)).toHaveLength(41)
    expect(await audit.told(tenantId, 'audit.export_started')).toMatchObject([
      { data: { details: { format: 'csv', filters: ['operation'], up_to_tenant_seq: 40 } } },
    ])
    expect(await audit.told(tenantId, 'audit.exported')).toMatchObject([
      { data: { outcome: 'success', details: { format: 'csv', lines: 40, complete: true } } },
    ])
  })

  test('of a tenant without lines is empty', async () => {
    const tenantId = newTenant()
    expect(parseCsv((await exported(tenantId, { format: 'csv' })).text)).toHaveLength(1)
    expect((await exported(tenantId, { format: 'ocsf' })).text).toBe('')
    expect((await exported(tenantId, {})).text.trimEnd().split('\n')).toHaveLength(2)
  })

  test('filters as the list does', async () => {
    const tenantId = newTenant()
    const { byUser } = happenings(tenantId)
    await audit.log(
      byUser('ada', {}),
      byUser('joan', { type: 'auth.token.reused', outcome: 'denied' }),
      byUser('joan', {}),
    )
    const count = async (query: Record<string, string>) =>
      parseCsv((await exported(tenantId, { format: 'csv', ...query })).text).length - 1
    expect(await count({ actor: 'joan' })).toBe(2)
    expect(await count({ severity: 'critical' })).toBe(1)
    expect(await count({ outcome: 'denied' })).toBe(1)
    expect(await count({ to: '2020-01-01T00:00:00Z' })).toBe(0)
    expect(await count({ from: '2020-01-01T00:00:00Z', operation: 'memory.*' })).toBe(2)
    const filtered = (await exported(tenantId, { actor: 'joan' })).text.split('\n')[0]!
    expect(JSON.parse(filtered)).toMatchObject({ complete: false })
  })

  test('needs audit:read and a credential for the whole tenant', async () => {
    const tenantId = newTenant()
    expect(await exported(tenantId, {}, { permissions: ['memories:read'] })).toMatchObject({ status: 403 })
    expect(await exported(tenantId, {}, { subjects: ['ada'] })).toMatchObject({ status: 403 })
    expect(await exported(tenantId, { format: 'xml' })).toMatchObject({ status: 400 })
    expect(await audit.told(tenantId, 'audit.export_started')).toEqual([])
  })

  test('that cannot be logged gives nothing', async () => {
    const tenantId = newTenant()
    await audit.log(makeEvent({}, { tenantId }))
    await audit.admin`alter table outbox add constraint broken check (payload not like '%export_started%') not valid`
    const answer = await exported(tenantId, { format: 'csv' })
    await audit.admin`alter table outbox drop constraint broken`
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('memory.created')
  })
})

describe('a CSV', () => {
  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', ' =1', '＝1+1', '\u200b=1', "=cmd|' /C calc'!A0"])(
    'makes no formula of %j',
    async (text) => {
      const tenantId = newTenant()
      await audit.log(happenings(tenantId).byUser(text, { reason: text, resourceId: text, details: { text } }))
      const csv = (await exported(tenantId, { format: 'csv' })).text
      const [header, row] = parseCsv(csv)
      const cell = (name: string) => row![header!.indexOf(name)]
      expect([cell('reason'), cell('resource_id'), cell('actor_id')]).toEqual([`'${text}`, `'${text}`, `'${text}`])
      expect(csv.split('\n')).toHaveLength(3)
    },
  )

  test('keeps quotes, commas and line breaks inside their cell', async () => {
    const tenantId = newTenant()
    const text = 'a "b", c\nd;e'
    await audit.log(happenings(tenantId).byUser('ada', { reason: text, details: { text } }))
    const [header, row, ...more] = parseCsv((await exported(tenantId, { format: 'csv' })).text)
    expect(more).toEqual([])
    expect(row![header!.indexOf('reason')]).toBe(text)
    expect(JSON.parse(row![header!.indexOf('details')]!)).toEqual({ text })
  })
})

describe('OCSF', () => {
  test('names class, activity, actor, source and outcome', async () => {
    const tenantId = newTenant()
    const { failedSignIn, signIn, byUser } = happenings(tenantId)
    await audit.log(
      signIn('ada'),
      failedSignIn('ada'),
      byUser('ada', { type: 'user.role_changed', resourceId: 'joan', details: { role: 'admin' } }),
      byUser('ada', { type: 'auth.totp.disabled', resourceId: 'ada' }),
      byUser('ada', { type: 'memory.searched', resourceId: 's' }),
      byUser('ada', { type: 'alert.raised', resourceId: 'x', details: { detection: 'mass_read' } }),
      byUser('ada', { type: 'alert.acknowledged', resourceId: 'x', details: { detection: 'mass_read' } }),
      byUser('ada', { type: 'alert.closed', resourceId: 'x', details: { detection: 'mass_read' } }),
      failedSignIn(null, { email: 'nobody@example.org' }),
      byUser('ada', { type: 'memory.listed', resourceId: null }),
    )
    const { text } = await exported(tenantId, { format: 'ocsf' })
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(events.map(({ class_uid, activity_id, status_id }) => [class_uid, activity_id, status_id])).toEqual([
      [3002, 1, 1],
      [3002, 1, 2],
      [3005, 1, 1],
      [3001, 11, 1],
      [6003, 2, 1],
      [2004, 1, 1],
      [2004, 2, 2],
      [2004, 3, 4],
      [3002, 1, 2],
      [6003, 2, 1],
    ])
    expect(events.slice(5, 8).map(({ status }) => status)).toEqual(['New', 'In Progress', 'Resolved'])
    for (const event of events) {
      expect(event).toMatchObject({
        category_uid: Math.floor((event['class_uid'] as number) / 1000),
        type_uid: (event['class_uid'] as number) * 100 + (event['activity_id'] as number),
        metadata: { version: '1.3.0', tenant_uid: tenantId, product: { vendor_name: 'Memoric' } },
        actor: { user: { uid: expect.any(String) as string } },
        time: expect.any(Number) as number,
      })
    }
    expect(events[1]).toMatchObject({ src_endpoint: { ip: '198.51.100.7' }, user: { uid: 'ada' }, severity_id: 2 })
    expect(events[4]).toMatchObject({ api: { operation: 'memory.searched' } })
    expect(events[8]).toMatchObject({ user: { name: 'nobody@example.org' }, service: { name: 'memoric/memory' } })
    expect(text).not.toContain('"uid":null')
    expect(events[9]).not.toHaveProperty('resources')
  })
})

describe('a large export', () => {
  const tenantId = newTenant()
  const total = 12_000
  beforeAll(async () => {
    for (let done = 0; done < total; done += 1000) {
      await audit.log(
        ...Array.from({ length: 1000 }, () => makeEvent({ details: { pad: 'x'.repeat(2000) } }, { tenantId })),
      )
    }
    await audit.app.listen({ port: 0 })
  }, 60_000)

  function start() {
    const { port } = audit.app.server.address() as AddressInfo
    const headers = callerHeaders(audit.serviceKey, 'audit', makeCaller({ tenantId }))
    return request({ port, path: '/v1/audit/export?format=ocsf', headers }).end()
  }

  test('is made only as fast as it is read, and stops when the client goes', async () => {
    const client = start()
    const response = await new Promise<NodeJS.ReadableStream>((resolve) => client.on('response', resolve))
    response.once('readable', () => response.read(1000))
    await sleep(1500)
    expect(await audit.told(tenantId, 'audit.exported')).toEqual([])
    client.destroy()
    await expect.poll(() => audit.told(tenantId, 'audit.exported'), { timeout: 10_000 }).toHaveLength(1)
    const [ended] = await audit.told(tenantId, 'audit.exported')
    expect(ended).toMatchObject({ data: { outcome: 'failure', details: { complete: false } } })
    expect(ended!.data.details['lines']).toBeLessThan(total / 3)
  }, 30_000)

  test('holds no transaction open for a reader that waits', async () => {
    const client = start()
    const response = await new Promise<NodeJS.ReadableStream>((resolve) => client.on('response', resolve))
    response.once('readable', () => response.read(1000))
    await sleep(500)
    const open = await audit.admin`
      select state from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()`
    expect(open).toEqual([])
    client.destroy()
  })
})

describe('statistics', () => {
  interface Statistics {
    readonly events: number
    readonly items: { day: string; operation: string; outcome: string; severity: string; events: number }[]
  }
  const read = (tenantId: TenantId, query = '', caller = {}) =>
    audit.call<Statistics>('GET', `/v1/audit/statistics${query}`, { tenantId, ...caller })

  test('count lines by day, operation and outcome, the own ones only', async () => {
    const [tenantId, other] = [newTenant(), newTenant()]
    const { byUser } = happenings(tenantId)
    const old = { ago: 3 * 86_400_000 }
    await audit.log(byUser('ada', {}), byUser('ada', {}), byUser('ada', { outcome: 'denied' }), byUser('ada', {}, old))
    await audit.log(happenings(other).byUser('ada', {}))
    const { body } = await read(tenantId)
    const today = new Date().toISOString().slice(0, 10)
    const before = new Date(Date.now() - old.ago).toISOString().slice(0, 10)
    const counted = { operation: 'memory.created', severity: 'info' }
    expect(body.items).toEqual([
      { day: today, ...counted, outcome: 'denied', events: 1 },
      { day: today, ...counted, outcome: 'success', events: 2 },
      { day: before, ...counted, outcome: 'success', events: 1 },
    ])
    expect(body.events).toBe(4)
    expect((await read(tenantId, `?from=${today}`)).body.events).toBe(3)
    expect((await read(tenantId, `?to=${before}`)).body.events).toBe(1)
    expect((await read(tenantId, '?operation=auth.*')).body.events).toBe(0)
    expect(await audit.told(tenantId, 'audit.read')).toHaveLength(4)
  })

  test('are those of what the log has, also of an event that came twice', async () => {
    const tenantId = newTenant()
    const event = makeEvent({}, { tenantId })
    await audit.log(event, event)
    await audit.log(event)
    expect((await read(tenantId)).body.events).toBe(1)
  })

  test.each([
    ['?from=2026-02-01&to=2026-01-01', 'query/from'],
    ['?from=2025-01-01&to=2026-01-01', 'query/from'],
    ['?from=1999-12-31', 'query/from'],
    ['?to=9999-12-31&from=2026-01-01', 'query/from'],
    ['?from=yesterday', 'query/from'],
    ['?from=2026-01-01T00:00:00Z', 'query/from'],
  ])('refuse %s', async (query, pointer) => {
    expect(await read(newTenant(), query)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  })

  test('need audit:read and a credential for the whole tenant', async () => {
    expect(await read(newTenant(), '', { permissions: [] })).toMatchObject({ status: 403 })
    expect(await read(newTenant(), '', { namespaces: ['work'] })).toMatchObject({ status: 403 })
  })
})

describe('pages of the list', () => {
  interface Page {
    readonly items: AuditLog[]
    readonly next_cursor: string | null
    readonly previous_cursor: string | null
  }
  const tenantId = newTenant()
  beforeAll(() => audit.log(...Array.from({ length: 23 }, () => makeEvent({}, { tenantId }))))
  const read = async (query: Record<string, string>) => {
    const url = `/v1/audit/logs?${new URLSearchParams({ operation: 'memory.*', limit: '5', ...query }).toString()}`
    return (await audit.call<Page>('GET', url, { tenantId })).body
  }
  const seqs = (page: Page) => page.items.map(({ tenant_seq: seq }) => seq)

  test.each(['newest', 'oldest'])('go forth and back, %s first, by the same lines', async (order) => {
    const forth: number[][] = []
    let page = await read({ order })
    expect(page.previous_cursor).toBeNull()
    for (;;) {
      forth.push(seqs(page))
      if (page.next_cursor === null) break
      page = await read({ order, cursor: page.next_cursor })
    }
    const all = Array.from({ length: 23 }, (_, i) => (order === 'oldest' ? i + 1 : 23 - i))
    expect(forth.flat()).toEqual(all)
    const back = [seqs(page)]
    while (page.previous_cursor !== null) {
      page = await read({ order, cursor: page.previous_cursor })
      back.unshift(seqs(page))
    }
    expect(back).toEqual(forth)
  })

  test('by severity, outcome and time find the same through every index', async () => {
    const own = newTenant()
    const { byUser } = happenings(own)
    const hour = 3_600_000
    await audit.log(
      byUser('ada', { type: 'auth.token.reused', outcome: 'denied' }, { ago: 50 * hour }),
      byUser('ada', { type: 'user.role_changed' }, { ago: 2 * hour }),
      byUser('ada', {}, { ago: 50 * hour }),
      byUser('ada', {}),
    )
    const find = async (query: Record<string, string>) => {
      const search = new URLSearchParams(query).toString()
      const { body } = await audit.call<Page>('GET', `/v1/audit/logs?${search}`, { tenantId: own })
      return body.items.map(({ tenant_seq: seq }) => seq)
    }
    const at = (ago: number) => new Date(Date.now() - ago).toISOString()
    expect(await find({ severity: 'warning' })).toEqual([2, 1])
    expect(await find({ severity: 'critical' })).toEqual([1])
    expect(await find({ severity: 'info' })).toEqual([4, 3, 2, 1])
    expect(await find({ severity: 'warning', operation: 'auth.*' })).toEqual([1])
    expect(await find({ severity: 'warning', operation: 'memory.*' })).toEqual([])
    expect(await find({ to: at(40 * hour) })).toEqual([3, 1])
    expect(await find({ from: at(3 * hour), to: at(hour) })).toEqual([2])
    expect(await find({ from: at(60 * hour), to: at(40 * hour), outcome: 'denied' })).toEqual([1])
    expect(await find({ from: at(30 * hour), to: at(20 * hour) })).toEqual([])
  })
})

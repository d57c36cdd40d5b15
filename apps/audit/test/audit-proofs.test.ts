import type { InclusionProof } from '@memoric/contracts/audit-proof-contract.ts'
import { parseCheckpoint } from '@memoric/crypto/checkpoint.ts'
import { verifyConsistency } from '@memoric/crypto/merkle-proof.ts'
import { parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import { parseTlogProof } from '@memoric/crypto/tlog-proof.ts'
import { verifyExport } from '@memoric/verifier/verify-export.ts'
import { verifyProof } from '@memoric/verifier/verify-proof.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { makeEvent, TENANT_A, TENANT_B } from './make-event.ts'
import { useAuditApp } from './use-audit-app.ts'

const audit = useAuditApp(useAuditDatabase())
const AUDITOR = { permissions: ['audit:read' as const] }
const ADMIN = { permissions: ['audit:read' as const, 'admin:*' as const] }
const events = Array.from({ length: 320 }, (_, at) => makeEvent({}, { tenantId: at % 4 === 0 ? TENANT_B : TENANT_A }))
const own = events.find(({ tenantId }) => tenantId === TENANT_A)!.eventId
const foreign = events[0]!.eventId

beforeAll(() => audit.log(...events))

const get = <T>(url: string, caller: object = AUDITOR) => audit.call<T & { code: string }>('GET', url, caller)
async function verifiers() {
  const { body } = await audit.app.inject('/.well-known/memoric-audit-key')
  return body.trimEnd().split('\n').map(parseVerifierKey)
}

test('the keys of the log are served to anyone, one a line', async () => {
  const answer = await audit.app.inject('/.well-known/memoric-audit-key')
  expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
  expect(answer.body).toMatch(/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}\n$/)
})

describe('a proof', () => {
  test('is of exactly the documented shape and verifies without a network', async () => {
    const { status, body, text } = await get<InclusionProof>(`/v1/audit/proof/${own}`)
    expect(status).toBe(200)
    expect(Object.keys(body)).toEqual(['event_id', 'leaf_index', 'tree_size', 'path', 'canonical', 'checkpoint'])
    expect(JSON.parse(body.canonical)).toMatchObject({ event_id: own, log_index: body.leaf_index, tenant_id: TENANT_A })
    expect(verifyProof(text, undefined, await verifiers())).toMatchObject({ findings: [], index: body.leaf_index })
  })

  test('does not verify with another leaf, index or key', async () => {
    const { body } = await get<InclusionProof>(`/v1/audit/proof/${own}`)
    const keys = await verifiers()
    const kind = (changed: object, by = keys) =>
      verifyProof(JSON.stringify({ ...body, ...changed }), undefined, by).findings.map((finding) => finding.kind)
    expect(kind({ canonical: body.canonical.replace('success', 'failure') })).toEqual(['changed'])
    expect(kind({ leaf_index: body.leaf_index + 1 })).toEqual(['changed'])
    expect(kind({ path: body.path.slice(1) })).toEqual(['changed'])
    expect(kind({ checkpoint: body.checkpoint.replace(/\n\d+\n/, '\n999\n') })).toEqual(['not_signed'])
    expect(kind({}, [])).toEqual(['not_signed'])
  })

  test('is also a .tlog-proof file', async () => {
    const { body } = await get<InclusionProof>(`/v1/audit/proof/${own}`)
    const { text, headers } = await get(`/v1/audit/proof/${own}/tlog-proof`)
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(parseTlogProof(text)).toMatchObject({ index: body.leaf_index })
    expect(verifyProof(text, body.canonical, await verifiers()).findings).toEqual([])
    expect(verifyProof(text, `${body.canonical} `, await verifiers()).findings).toHaveLength(1)
  })

  test("of another tenant's event, or of none, is not found, and nothing is told", async () => {
    const before = await audit.told(TENANT_A, 'audit.read')
    for (const id of [foreign, '0198c0de-0000-7000-8000-000000000001']) {
      for (const file of ['', '/tlog-proof']) {
        const { status, body } = await get(`/v1/audit/proof/${id}${file}`)
        expect([status, body.code]).toEqual([404, 'event_not_found'])
      }
    }
    expect((await get('/v1/audit/proof/nonsense')).status).toBe(400)
    expect(await audit.told(TENANT_A, 'audit.read')).toEqual(before)
  })

  test('is refused to a credential that is limited, and to one that may not read the log', async () => {
    expect((await get(`/v1/audit/proof/${own}`, { ...AUDITOR, subjects: ['ada'] })).status).toBe(403)
    expect((await get(`/v1/audit/proof/${own}`, { permissions: [] })).status).toBe(403)
  })

  test('holds a line, so getting one is told', async () => {
    const before = (await audit.told(TENANT_A, 'audit.read')).length
    await get(`/v1/audit/proof/${own}`)
    const told = await audit.told(TENANT_A, 'audit.read')
    expect(told).toHaveLength(before + 1)
    expect(told.at(-1)!.data.details).toMatchObject({ proof_of: own })
  })

  test('of an event that was logged this moment is there after a moment', async () => {
    const fresh = makeEvent()
    await audit.log(fresh)
    expect((await get(`/v1/audit/proof/${fresh.eventId}`)).status).toBe(200)
  })
})

describe('consistency', () => {
  test('is proven between any two checkpoints', async () => {
    const older = parseCheckpoint((await get('/v1/audit/checkpoint')).text)
    const more = Array.from({ length: 10 }, () => makeEvent())
    await audit.log(...more)
    await get(`/v1/audit/proof/${more[9]!.eventId}`)
    const newer = parseCheckpoint((await get('/v1/audit/checkpoint')).text)
    expect(newer.size).toBe(older.size + 10)
    const { body } = await get<{ path: string[] }>(`/v1/audit/consistency?from=${older.size}&to=${newer.size}`)
    const path = body.path.map((hash) => Buffer.from(hash, 'base64'))
    expect(Object.keys(body)).toEqual(['from', 'to', 'path'])
    expect(verifyConsistency(older, newer, path)).toBe(true)
    expect((await get(`/v1/audit/consistency?from=${older.size}`)).body).toEqual(body)
  })

  test.each([
    ['from=0', 400],
    ['from=-1', 400],
    ['from=1.5', 400],
    ['', 400],
    ['from=2&to=1', 422],
    ['from=1&to=999999999', 422],
    ['from=999999999', 422],
    ['from=1&with=more', 400],
  ])('of %s is refused', async (query, status) => {
    expect((await get(`/v1/audit/consistency?${query}`)).status).toBe(status)
  })
})

describe('the export of a tenant', () => {
  test('verifies, with the personal data that it discloses, and holds no line of others', async () => {
    const { text } = await get('/v1/audit/export')
    const report = await verifyExport(text.trimEnd().split('\n'), { verifiers: await verifiers() })
    expect(report.findings).toEqual([])
    expect(report.lines).toBeGreaterThan(240)
    expect(report.disclosed).toBe(report.lines)
    expect(text).not.toContain(TENANT_B)
  })

  test('does not verify with other personal data, without a line, or with a line of somebody else', async () => {
    const { text } = await get('/v1/audit/export')
    const lines = text.trimEnd().split('\n')
    const kinds = async (changed: readonly string[]) =>
      (await verifyExport(changed, { verifiers: await verifiers() })).findings.map(({ kind }) => kind)
    expect(await kinds(lines.with(5, lines[5]!.replace('192.0.2.77', '192.0.2.78')))).toEqual(['personal_changed'])
    expect(await kinds(lines.toSpliced(5, 1))).toContain('deleted')
    expect(await kinds(lines.with(5, lines[5]!.replaceAll(TENANT_A, TENANT_B)))).toContain('changed')
  })
})

describe('retention', () => {
  const put = (body: object, caller: object = ADMIN) =>
    audit.call<{ code: string }>('PUT', '/v1/audit/retention', caller, body)

  test('is kept by tenant, and a change is told with what was before', async () => {
    expect((await get('/v1/audit/retention')).body).toEqual({ retention_days: null, legal_hold: false })
    const after = { retention_days: 365, legal_hold: true }
    expect((await put(after)).status).toBe(200)
    expect((await get('/v1/audit/retention')).body).toEqual(after)
    expect((await get('/v1/audit/retention', { ...AUDITOR, tenantId: TENANT_B })).body).toMatchObject({
      legal_hold: false,
    })
    const [told] = await audit.told(TENANT_A, 'audit.retention_changed')
    expect(told!.data.details).toEqual({ before: { retention_days: null, legal_hold: false }, after })
  })

  test.each([
    [{ retention_days: 179, legal_hold: false }],
    [{ retention_days: 36_501, legal_hold: false }],
    [{ retention_days: '365', legal_hold: false }],
    [{ retention_days: 365 }],
    [{ retention_days: 365, legal_hold: false, tenant_id: TENANT_B }],
  ])('refuses %j', async (body) => {
    expect((await put(body)).status).toBe(400)
  })

  test('may be changed by administrators alone', async () => {
    expect((await put({ retention_days: null, legal_hold: false }, AUDITOR)).status).toBe(403)
  })
})

import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { expect, test } from 'vitest'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { gatewayKey } from './memory-settings.ts'
import { call, newCaller, remember, useMemory, type ProblemBody } from './use-memory.ts'

const memory = useMemory()
const MANY_MS = 60_000

/** Sends a body as it is written here. */
async function sendText(payload: string | Buffer, caller = newCaller()) {
  const headers = { ...callerHeaders(gatewayKey, 'memory', caller), 'content-type': 'application/json' }
  const answer = await memory.app.inject({ method: 'POST', url: '/v1/memories', headers, payload })
  const [rows] = await memory.admin<{ count: number }[]>`
    select count(*)::int from memories where tenant_id = ${caller.tenantId}`
  return { status: answer.statusCode, body: JSON.parse(answer.body) as Memory & ProblemBody, rows: rows!.count }
}

const nested = (levels: number) => `{"content":"x","metadata":{"a":${'['.repeat(levels)}1${']'.repeat(levels)}}}`

test.each([
  ['metadata 40 levels deep', nested(38), /deeper/],
  ['half a surrogate pair in a value', String.raw`{"content":"x","metadata":{"a":"\ud800"}}`, /surrogate/],
  ['half a surrogate pair in a key', String.raw`{"content":"x","metadata":{"\udc00":1}}`, /surrogate/],
  ['NUL in the content', String.raw`{"content":"a\u0000b"}`, /NUL/],
  ['NUL in a key', String.raw`{"content":"x","metadata":{"a\u0000":1}}`, /NUL/],
  ['the key __proto__', '{"content":"x","metadata":{"__proto__":{"polluted":true}}}', /not allowed/],
  ['the key __proto__ in escapes', String.raw`{"content":"x","metadata":{"\u005f_proto__":1}}`, /not allowed/],
  ['constructor.prototype', '{"content":"x","metadata":{"constructor":{"prototype":{"polluted":1}}}}', /not allowed/],
  ['a whole number that no double has', '{"content":"x","metadata":{"id":9007199254740993}}', /exactly/],
  ['a raw control character', '{"content":"a\u0001b"}', /JSON/],
])('%s is refused as malformed, and nothing is stored', async (_what, text, detail) => {
  const { status, body, rows } = await sendText(text)
  expect([status, body.code, rows]).toEqual([400, 'malformed_json', 0])
  expect(body.detail).toMatch(detail)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

test.each([
  ['a number beyond all bounds', '{"content":"x","metadata":{"a":1e999}}', '/metadata/a'],
  ['17 KiB of metadata', JSON.stringify({ content: 'x', metadata: { a: 'x'.repeat(17_000) } }), '/metadata'],
  ['content of 32,769 bytes', JSON.stringify({ content: 'x'.repeat(32_769) }), '/content'],
  ['content of spaces', '{"content":" \\n\\t"}', '/content'],
])('%s does not validate, and nothing is stored', async (_what, text, pointer) => {
  const { status, body, rows } = await sendText(text)
  expect([status, body.code, rows]).toEqual([400, 'validation_failed', 0])
  expect(body.errors?.[0]?.pointer).toBe(pointer)
})

test('what is allowed comes back exactly, however odd', async () => {
  const caller = newCaller()
  const given = {
    content: '\u0001\u001b[31m\u2028\u202e\ufeff e\u0301 é 👩‍👩‍👧 \ud83d\ude00 \u007f\r\n "\\/ \u200b',
    speaker: '\u0007 bell',
    tags: ['\u202etag', 'ﬁ', 'İ'],
    metadata: {
      numbers: [1e308, 5e-324, -0.1, 9007199254740991, -9007199254740991, 1e21, 123456789012345680000, 0.1 + 0.2],
      '': 'no name',
      constructor: 'x',
      prototype: 'x',
      toString: null,
      'a.b/c~d"\\': { ' ': [[], {}, [null], true, false] },
      'ключ\u0001': '值',
      deep: JSON.parse(`${'['.repeat(28)}1${']'.repeat(28)}`) as unknown,
    },
  }
  const { status, body } = await remember(memory.app, caller, given)
  expect(status).toBe(201)
  const read = await call(memory.app, caller, 'GET', `/v1/memories/${body.id}`)
  for (const { content, speaker, tags, metadata } of [body, read.body]) {
    expect({ content, speaker, tags }).toEqual({ content: given.content, speaker: given.speaker, tags: given.tags })
    expect(JSON.stringify(metadata)).toBe(JSON.stringify(given.metadata))
  }
})

test('minus zero is stored as zero', async () => {
  const { body } = await sendText('{"content":"x","metadata":{"a":-0}}')
  expect(body.metadata).toEqual({ a: 0 })
})

test(
  '500 items of 32 KiB fit into one batch, and into one transaction',
  async () => {
    const caller = newCaller()
    const items = Array.from({ length: 500 }, (_, at) => ({ content: `${at} `.padEnd(32_768, 'x') }))
    const payload = JSON.stringify({ items })
    expect(payload.length).toBeLessThan(16 * 1024 * 1024)
    const headers = { ...callerHeaders(gatewayKey, 'memory', caller), 'content-type': 'application/json' }
    const answer = await memory.app.inject({ method: 'POST', url: '/v1/memories/batch', headers, payload })
    const { items: made } = JSON.parse(answer.body) as { items: { status: number; memory: Memory }[] }
    expect(new Set(made.map(({ status }) => status))).toEqual(new Set([201]))
    expect(made.map(({ memory: { seq } }) => seq)).toEqual(items.map((_, at) => at + 1))
    expect(made.every(({ memory: { content } }, at) => content === items[at]?.content)).toBe(true)
    const transactions = await memory.admin<{ count: number }[]>`
      select count(distinct xmin::text)::int from memories where tenant_id = ${caller.tenantId}`
    expect(transactions).toEqual([{ count: 1 }])
  },
  MANY_MS,
)

test(
  'a batch above 16 MiB is refused whole, with the reason',
  async () => {
    const caller = newCaller()
    const items = Array.from({ length: 500 }, () => ({
      content: 'é'.repeat(16_384),
      metadata: { a: 'x'.repeat(2000) },
    }))
    const headers = { ...callerHeaders(gatewayKey, 'memory', caller), 'content-type': 'application/json' }
    const answer = await memory.app.inject({
      method: 'POST',
      url: '/v1/memories/batch',
      headers,
      payload: JSON.stringify({ items }),
    })
    expect([answer.statusCode, (JSON.parse(answer.body) as ProblemBody).code]).toEqual([413, 'payload_too_large'])
    const rows = await memory.admin`select 1 from memories where tenant_id = ${caller.tenantId}`
    expect(rows).toHaveLength(0)
  },
  MANY_MS,
)

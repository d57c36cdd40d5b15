import { deflateSync, gzipSync } from 'node:zlib'
import { type Attack, attacks, judged, type Outcome, refused, refusedWith } from '../attack.ts'
import type { Target } from '../target.ts'

const MIB = 1_048_576

/** Bodies that are none of the JSON that they should be. */
const BODIES: readonly (readonly [string, string | Buffer])[] = [
  ['nothing', ''],
  ['half an object', '{'],
  ['two objects', '{"content":"x"}{"content":"y"}'],
  ['a comment', '{/**/"content":"x"}'],
  ['NaN', '{"content":"x","importance":NaN}'],
  ['an infinite number', '{"content":"x","importance":1e999}'],
  ['the same key twice', '{"content":"x","content":"y"}'],
  ['the same key twice, once escaped', '{"content":"x","\\u0063ontent":"y"}'],
  ['33 levels', `{"content":"x","metadata":{"a":${'['.repeat(33)}${']'.repeat(33)}}}`],
  ['10,000 levels', `{"content":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ['500,000 levels that never end', `{"content":${'['.repeat(500_000)}`],
  ['an array of 300,000 elements', `{"content":"x","tags":[${'"a",'.repeat(200_000)}"a"]}`],
  ['100,000 keys', `{${Array.from({ length: 80_000 }, (_, at) => `"k${at}":1`).join(',')}}`],
  ['a number of 100,000 digits', `{"content":"x","importance":${'9'.repeat(100_000)}}`],
  ['NUL', '{"content":"a\\u0000b"}'],
  ['half of a surrogate pair', '{"content":"a\\ud800b"}'],
  ['a raw control character', '{"content":"a\u0001b"}'],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
  ['overlong UTF-8', Buffer.from('7b22636f6e74656e74223a22c0af227d', 'hex')],
  ['UTF-16', Buffer.from('{"content":"x"}', 'utf16le')],
  ['UTF-32', Buffer.from('7b0000007d000000', 'hex')],
  ['a byte order mark', '\ufeff{"content":"x"}'],
  ['__proto__', '{"content":"x","__proto__":{"admin":true}}'],
  ['__proto__ escaped', '{"content":"x","\\u005f_proto__":{"admin":true}}'],
  ['__proto__ further in', '{"content":"x","metadata":{"__proto__":{"admin":true}}}'],
  ['constructor.prototype', '{"content":"x","constructor":{"prototype":{"admin":true}}}'],
  ['an XML entity bomb', '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'],
  ['a form', 'content=x'],
  ['an array', '[{"content":"x"}]'],
  ['a text', '"content"'],
]

async function post(
  { gateway, attacker }: Target,
  body: string | Buffer,
  more: Record<string, string> = {},
): Promise<Outcome> {
  const headers = { 'x-api-key': attacker.apiKey, 'content-type': 'application/json', ...more }
  return refused(await gateway.send({ method: 'POST', path: '/v1/memories', headers, body }))
}

/** Compressed bodies: nobody unpacks them, so there is no bomb. */
const COMPRESSED: readonly (readonly [string, Buffer, string])[] = [
  ['gzip', gzipSync('{"content":"x"}'), 'gzip'],
  ['gzip of 10 MB', gzipSync(Buffer.alloc(10 * MIB, ' ')), 'gzip'],
  ['deflate', deflateSync('{"content":"x"}'), 'deflate'],
  ['gzip that says br', gzipSync('{"content":"x"}'), 'br'],
  ['gzip, gzip', gzipSync(gzipSync('{"content":"x"}')), 'gzip, gzip'],
]

const TYPES = [
  'text/plain',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonx',
  'application/json-patch+json',
  'text/json',
  'application/json\ttext/plain',
  'text/plain; application/json',
  'application /json',
  'json',
  '*/*',
  '',
]

/** A body of one byte more than may be, told at once or found out. */
async function tooLarge({ gateway, attacker }: Target, framing: 'length' | 'chunks'): Promise<Outcome> {
  const head = [
    'POST /v1/memories HTTP/1.1',
    'host: x',
    `x-api-key: ${attacker.apiKey}`,
    'content-type: application/json',
  ]
  const chunk = `${(MIB / 2).toString(16)}\r\n${'x'.repeat(MIB / 2)}\r\n`
  const parts =
    framing === 'length'
      ? [[...head, `content-length: ${MIB + 1}`, '', ''].join('\r\n')]
      : [[...head, 'transfer-encoding: chunked', '', ''].join('\r\n'), chunk, chunk, '1\r\nx\r\n']
  return refusedWith(['payload_too_large'], ...(await gateway.raw(parts)))
}

/** Queries that are too much. */
const QUERIES: readonly (readonly [string, string])[] = [
  ['5,000 keys', 'a=1&'.repeat(3500)],
  ['100,000 keys', 'a=1&'.repeat(100_000)],
  ['a limit of a million', 'limit=1000000'],
  ['a negative limit', 'limit=-1'],
  ['a limit twice', 'limit=1&limit=2'],
  ['brackets', 'filters[__proto__][x]=1'],
  ['a cursor of somebody else', `cursor=${Buffer.from('{"before":"x"}').toString('base64url')}`],
  ['a field that is not known', 'tenant_id=0198c0de-0000-7000-8000-000000000001'],
]

/** Fields of a row that no client sets. */
const FIELDS: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ...[
    'id',
    'tenant_id',
    'seq',
    'version',
    'change',
    'seen_count',
    'created_at',
    'updated_at',
    'sealed',
    'fingerprint',
    'is_admin',
  ].map((field) => ['/v1/memories', field, { content: 'x', [field]: '0198c0de-0000-7000-8000-000000000001' }] as const),
  ...['id', 'tenant_id', 'key_id', 'secret', 'secret_hash', 'created_by', 'revoked_at', 'last_used_at'].map(
    (field) => ['/v1/api-keys', field, { name: 'x', scopes: ['memories:read'], [field]: 'x' }] as const,
  ),
  ...['id', 'tenant_id', 'password_hash', 'email_verified', 'totp_enabled', 'active'].map(
    (field) => ['/v1/users', field, { email: 'x@example.org', role: 'user', [field]: true }] as const,
  ),
  ...['role', 'tenant_id', 'tenant', 'email_verified', 'is_admin'].map(
    (field) =>
      [
        '/v1/auth/register',
        field,
        { email: 'x@example.org', password: 'a long password of mine', tenant_name: 'x', [field]: 'owner' },
      ] as const,
  ),
]

export const BODY_ATTACKS: readonly Attack[] = [
  ...attacks('bodies', BODIES, (target, body) => post(target, body)),
  ...COMPRESSED.map(([name, body, encoding]): Attack => ({
    kind: 'compressed bodies',
    name,
    run: (target) => post(target, body, { 'content-encoding': encoding }),
  })),
  ...attacks(
    'types of bodies',
    TYPES.map((type) => [JSON.stringify(type), type] as const),
    (target, type) => post(target, '{"content":"x"}', { 'content-type': type }),
  ),
  { kind: 'size of a body', name: 'one byte more, told at once', run: (target) => tooLarge(target, 'length') },
  { kind: 'size of a body', name: 'one byte more, in chunks', run: (target) => tooLarge(target, 'chunks') },
  ...attacks('queries', QUERIES, async ({ gateway, attacker }, query) =>
    refused(await gateway.send({ path: `/v1/memories?${query}`, headers: { 'x-api-key': attacker.apiKey } })),
  ),
  ...FIELDS.map(([path, field, body]): Attack => ({
    kind: 'mass assignment',
    name: `${field} at ${path}`,
    async run({ gateway, attacker }) {
      const headers = { authorization: `Bearer ${attacker.accessToken}` }
      return refusedWith(['validation_failed'], await gateway.send({ path, headers, body }))
    },
  })),
  {
    kind: 'mass assignment',
    name: 'a change of the tenant of a memory',
    async run({ gateway, attacker, victim }) {
      const headers = { 'x-api-key': attacker.apiKey }
      const path = `/v1/memories/${attacker.memoryId}`
      const answer = await gateway.send({ method: 'PATCH', path, headers, body: { tenant_id: victim.tenantId } })
      return judged([answer], answer.code === 'validation_failed')
    },
  },
]

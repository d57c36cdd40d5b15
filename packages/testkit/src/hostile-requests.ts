/** Writes requests of a known caller byte by byte, so that what they say can be wrong. */
export interface RequestWriter {
  /** A request with this first line, these headers and the credential. */
  readonly request: (line: string, headers: readonly string[], body?: string) => string
  /** POST /v1/memories with JSON, whose framing (Content-Length, Transfer-Encoding) is up to the attack. */
  readonly post: (framing: readonly string[], body: string) => string
  /** A whole request that an attacker hides in another: nothing may ever take it for one. */
  readonly hidden: string
}

/** A writer of requests with the API key `key`. */
export function requestWriter(key: string, hidden: string): RequestWriter {
  const request = (line: string, headers: readonly string[], body = ''): string =>
    [line, `x-api-key: ${key}`, ...headers, '', body].join('\r\n')
  return {
    request,
    post: (framing, body) =>
      request('POST /v1/memories HTTP/1.1', ['host: x', 'content-type: application/json', ...framing], body),
    hidden,
  }
}

/** Requests that one reader ends here and another there, and what is no HTTP: each must be one answer 400 and the end of the connection. */
export const AMBIGUOUS_REQUESTS: readonly (readonly [what: string, write: (writer: RequestWriter) => string])[] = [
  ['CL.TE', ({ post, hidden }) => post(['content-length: 6', 'transfer-encoding: chunked'], `0\r\n\r\n${hidden}`)],
  [
    'TE.CL',
    ({ post, hidden }) => post(['transfer-encoding: chunked', 'content-length: 4'], `5c\r\n${hidden}\r\n0\r\n\r\n`),
  ],
  [
    'TE.TE',
    ({ post, hidden }) => post(['transfer-encoding: chunked', 'transfer-encoding: identity'], `0\r\n\r\n${hidden}`),
  ],
  [
    'TE twice',
    ({ post, hidden }) => post(['transfer-encoding: chunked', 'transfer-encoding: chunked'], `0\r\n\r\n${hidden}`),
  ],
  ['TE with an unknown coding', ({ post, hidden }) => post(['transfer-encoding: xchunked'], `0\r\n\r\n${hidden}`)],
  [
    'TE with something after chunked',
    ({ post, hidden }) => post(['transfer-encoding: chunked, x'], `0\r\n\r\n${hidden}`),
  ],
  ['TE behind a vertical tab', ({ post, hidden }) => post(['transfer-encoding: \x0bchunked'], `0\r\n\r\n${hidden}`)],
  [
    'TE with a space before the colon',
    ({ post, hidden }) => post(['transfer-encoding : chunked'], `0\r\n\r\n${hidden}`),
  ],
  ['CL with a space before the colon', ({ post, hidden }) => post(['content-length : 2'], `{}${hidden}`)],
  ['two different CLs', ({ post, hidden }) => post(['content-length: 2', 'content-length: 40'], `{}${hidden}`)],
  ['the same CL twice', ({ post, hidden }) => post(['content-length: 2', 'content-length: 2'], `{}${hidden}`)],
  ['a list of CLs', ({ post, hidden }) => post(['content-length: 2, 2'], `{}${hidden}`)],
  ['CL with a plus', ({ post, hidden }) => post(['content-length: +2'], `{}${hidden}`)],
  ['CL with a minus', ({ post, hidden }) => post(['content-length: -2'], `{}${hidden}`)],
  ['CL in hex', ({ post, hidden }) => post(['content-length: 0x2'], `{}${hidden}`)],
  ['CL with a point', ({ post, hidden }) => post(['content-length: 2.0'], `{}${hidden}`)],
  ['CL with an exponent', ({ post, hidden }) => post(['content-length: 2e0'], `{}${hidden}`)],
  ['CL with a space inside', ({ post, hidden }) => post(['content-length: 2 2'], `{}${hidden}`)],
  ['CL beyond 2^64', ({ post, hidden }) => post(['content-length: 18446744073709551618'], `{}${hidden}`)],
  ['an empty CL', ({ post, hidden }) => post(['content-length:'], `{}${hidden}`)],
  ['a folded header', ({ post, hidden }) => post(['x-folded: a', ' content-length: 2'], `{}${hidden}`)],
  ['a folded TE', ({ post, hidden }) => post(['transfer-encoding:', ' chunked'], `0\r\n\r\n${hidden}`)],
  ['a header line without a colon', ({ post, hidden }) => post(['content-length: 2', 'nothing'], `{}${hidden}`)],
  ['a header name with a space', ({ post, hidden }) => post(['content length: 2'], `{}${hidden}`)],
  ['NUL in a header', ({ post, hidden }) => post(['content-length: 2', 'x: \0'], `{}${hidden}`)],
  ['a bare CR in a header', ({ post, hidden }) => post(['content-length: 2', 'x: a\rb: c'], `{}${hidden}`)],
  [
    'a bare LF between headers',
    ({ post, hidden }) => post(['content-length: 2'], '{}').replaceAll('\r\n', '\n') + hidden,
  ],
  [
    'a chunk length with a sign',
    ({ post, hidden }) => post(['transfer-encoding: chunked'], `+2\r\n{}\r\n0\r\n\r\n${hidden}`),
  ],
  [
    'a chunk length in 0x',
    ({ post, hidden }) => post(['transfer-encoding: chunked'], `0x2\r\n{}\r\n0\r\n\r\n${hidden}`),
  ],
  [
    'a chunk length beyond 2^64',
    ({ post, hidden }) => post(['transfer-encoding: chunked'], `10000000000000002\r\n{}\r\n0\r\n\r\n${hidden}`),
  ],
  [
    'a chunk that is longer than it says',
    ({ post, hidden }) => post(['transfer-encoding: chunked'], `1\r\n{}\r\n0\r\n\r\n${hidden}`),
  ],
  ['a chunk that ends in LF', ({ post, hidden }) => post(['transfer-encoding: chunked'], `2\n{}\n0\n\n${hidden}`)],
  [
    'a chunk extension with LF',
    ({ post, hidden }) => post(['transfer-encoding: chunked'], `2;a\n\r\n{}\r\n0\r\n\r\n${hidden}`),
  ],
  ['no host', ({ request, hidden }) => request('GET /v1/memories HTTP/1.1', []) + hidden],
  ['two hosts', ({ request, hidden }) => request('GET /v1/memories HTTP/1.1', ['host: a', 'host: b']) + hidden],
  ['HTTP/1.1 with a space', ({ request, hidden }) => request('GET /v1/memories HTTP/1.1 ', ['host: x']) + hidden],
  ['HTTP/2.0 as text', ({ request, hidden }) => request('GET /v1/memories HTTP/2.0', ['host: x']) + hidden],
  ['no version', ({ request, hidden }) => request('GET /v1/memories', ['host: x']) + hidden],
  ['the preface of HTTP/2', ({ hidden }) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`],
]

/** Headers by which a client would like to be somebody else, or be taken elsewhere. */
export const PLANTED_HEADERS: readonly string[] = [
  'x-memoric-identity: forged',
  'X-Memoric-Identity: forged',
  'x-memoric-service-key: ms_forged',
  'x-tenant-id: 00000000-0000-7000-8000-000000000001',
  'X-User-Id: forged',
  'X_User_Id: forged',
  'x_memoric_identity: forged',
  'x-internal-token: forged',
  'x-request-id: 0198c0de-0000-7000-8000-00000000dead',
  'x-forwarded-for: 198.51.100.1',
  'x-forwarded-host: evil.example',
  'x-real-ip: 198.51.100.1',
  'forwarded: for=198.51.100.1',
  'cookie: session=forged',
  'x-http-method-override: DELETE',
  'x-original-url: /internal/introspect',
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'accept: text/html',
  'accept-encoding: gzip',
  'te: trailers',
  'if-none-match: *',
  'range: bytes=0-1',
  'expect-ct: x',
]

/** Targets at which there is nothing, however they are spelled. */
export const NOWHERE: readonly string[] = [
  '//evil.example/x',
  '//evil.example/v1/memories',
  '/v1//memories',
  '/V1/memories',
  '/v1/memories/../memories',
  '/v1/memories/x/../../../internal/introspect',
  '/internal/introspect',
  '/v1/%2e%2e/internal/introspect',
  '/%2e%2e/internal/introspect',
  '/v1\\memories',
  '/v1/memories/a/b/c',
  '/..',
  '/.git/config',
  `/v1/memories/${'a'.repeat(300)}`,
]

import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { answersOf, type RawAnswer, say } from './raw-http.ts'
import { useGateway } from './use-gateway.ts'

const gateway = useGateway()
let key: string

beforeAll(() => {
  key = gateway.newKey().text
  gateway.memory.answer = ({ method, url, body }) => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ method, url, body: body.toString('latin1') }),
  })
})
afterEach(() => {
  gateway.memory.seen.length = 0
})

/** A request of a known caller, whose framing the test decides. */
function post(framing: readonly string[], body: string): string {
  const lines = ['POST /v1/memories HTTP/1.1', 'host: x', `x-api-key: ${key}`, 'content-type: application/json']
  return [...lines, ...framing, '', body].join('\r\n')
}

/** What an attacker hides: nothing may ever take it for a request. */
const hidden = 'GET /v1/memories?smuggled=1 HTTP/1.1\r\nhost: x\r\nx-forged: 1\r\n\r\n'

function noneSmuggled(): void {
  for (const { url } of gateway.memory.seen) expect(url).not.toContain('smuggled')
}

describe('what can be read in two ways is refused, and the connection with it', () => {
  test.each<[string, () => string]>([
    ['CL.TE', () => post(['content-length: 6', 'transfer-encoding: chunked'], `0\r\n\r\n${hidden}`)],
    ['TE.CL', () => post(['transfer-encoding: chunked', 'content-length: 4'], `5c\r\n${hidden}\r\n0\r\n\r\n`)],
    ['TE.TE', () => post(['transfer-encoding: chunked', 'transfer-encoding: identity'], `0\r\n\r\n${hidden}`)],
    ['TE twice', () => post(['transfer-encoding: chunked', 'transfer-encoding: chunked'], `0\r\n\r\n${hidden}`)],
    ['TE with an unknown coding', () => post(['transfer-encoding: xchunked'], `0\r\n\r\n${hidden}`)],
    ['TE with something after chunked', () => post(['transfer-encoding: chunked, x'], `0\r\n\r\n${hidden}`)],
    ['TE behind a vertical tab', () => post(['transfer-encoding: \x0bchunked'], `0\r\n\r\n${hidden}`)],
    ['TE with a space before the colon', () => post(['transfer-encoding : chunked'], `0\r\n\r\n${hidden}`)],
    ['CL with a space before the colon', () => post(['content-length : 2'], `{}${hidden}`)],
    ['two different CLs', () => post(['content-length: 2', 'content-length: 40'], `{}${hidden}`)],
    ['the same CL twice', () => post(['content-length: 2', 'content-length: 2'], `{}${hidden}`)],
    ['a list of CLs', () => post(['content-length: 2, 2'], `{}${hidden}`)],
    ['CL with a plus', () => post(['content-length: +2'], `{}${hidden}`)],
    ['CL with a minus', () => post(['content-length: -2'], `{}${hidden}`)],
    ['CL in hex', () => post(['content-length: 0x2'], `{}${hidden}`)],
    ['CL with a point', () => post(['content-length: 2.0'], `{}${hidden}`)],
    ['CL with an exponent', () => post(['content-length: 2e0'], `{}${hidden}`)],
    ['CL with a space inside', () => post(['content-length: 2 2'], `{}${hidden}`)],
    ['CL beyond 2^64', () => post(['content-length: 18446744073709551618'], `{}${hidden}`)],
    ['an empty CL', () => post(['content-length:'], `{}${hidden}`)],
    ['a folded header', () => post(['x-folded: a', ' content-length: 2'], `{}${hidden}`)],
    ['a folded TE', () => post(['transfer-encoding:', ' chunked'], `0\r\n\r\n${hidden}`)],
    ['a header line without a colon', () => post(['content-length: 2', 'nothing'], `{}${hidden}`)],
    ['a header name with a space', () => post(['content length: 2'], `{}${hidden}`)],
    ['NUL in a header', () => post(['content-length: 2', 'x: \0'], `{}${hidden}`)],
    ['a bare CR in a header', () => post(['content-length: 2', 'x: a\rb: c'], `{}${hidden}`)],
    ['a bare LF between headers', () => post(['content-length: 2'], '{}').replaceAll('\r\n', '\n') + hidden],
    ['a chunk length with a sign', () => post(['transfer-encoding: chunked'], `+2\r\n{}\r\n0\r\n\r\n${hidden}`)],
    ['a chunk length in 0x', () => post(['transfer-encoding: chunked'], `0x2\r\n{}\r\n0\r\n\r\n${hidden}`)],
    ['a chunk length beyond 2^64', () => post(['transfer-encoding: chunked'], `10000000000000002\r\n{}\r\n0\r\n\r\n`)],
    [
      'a chunk that is longer than it says',
      () => post(['transfer-encoding: chunked'], `1\r\n{}\r\n0\r\n\r\n${hidden}`),
    ],
    ['a chunk that ends in LF', () => post(['transfer-encoding: chunked'], `2\n{}\n0\n\n${hidden}`)],
    ['a chunk extension with LF', () => post(['transfer-encoding: chunked'], `2;a\n\r\n{}\r\n0\r\n\r\n${hidden}`)],
    ['no host', () => `GET /v1/memories HTTP/1.1\r\nx-api-key: ${key}\r\n\r\n${hidden}`],
    ['two hosts', () => `GET /v1/memories HTTP/1.1\r\nhost: a\r\nhost: b\r\nx-api-key: ${key}\r\n\r\n${hidden}`],
    ['HTTP/1.1 with a space', () => `GET /v1/memories HTTP/1.1 \r\nhost: x\r\n\r\n${hidden}`],
    ['HTTP/2.0 as text', () => `GET /v1/memories HTTP/2.0\r\nhost: x\r\n\r\n${hidden}`],
    ['no version', () => `GET /v1/memories\r\nhost: x\r\n\r\n${hidden}`],
    ['the preface of HTTP/2', () => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`],
  ])('%s', async (_what, request) => {
    const answers = answersOf(await say(gateway.port, request()))
    expect(answers.map(({ status }) => status)).toEqual([400])
    expect(JSON.parse(answers[0]!.body)).toMatchObject({ code: 'malformed_request', status: 400 })
    noneSmuggled()
  })
})

describe('what has one meaning is answered once', () => {
  test.each<[string, () => string, string]>([
    ['chunks', () => post(['transfer-encoding: chunked'], `2\r\n{}\r\n0\r\n\r\n`), '{}'],
    ['chunks with extensions', () => post(['transfer-encoding: chunked'], `2;a=b;c\r\n{}\r\n0;d\r\n\r\n`), '{}'],
    ['Chunked', () => post(['transfer-encoding: Chunked'], `1\r\n{\r\n1\r\n}\r\n0\r\n\r\n`), '{}'],
    ['zeros before a chunk length', () => post(['transfer-encoding: chunked'], `0002\r\n{}\r\n0\r\n\r\n`), '{}'],
    ['zeros before a length', () => post(['content-length: 002'], '{}'), '{}'],
    ['an offer of h2c', () => post(['connection: upgrade', 'upgrade: h2c', 'content-length: 2'], '{}'), '{}'],
    [
      'an offer of WebSocket',
      () => post(['connection: upgrade', 'upgrade: websocket', 'content-length: 2'], '{}'),
      '{}',
    ],
    ['Expect: 100-continue', () => post(['expect: 100-continue', 'content-length: 2'], '{}'), '{}'],
  ])('%s', async (_what, request, body) => {
    const text = (await say(gateway.port, request())).replace('HTTP/1.1 100 Continue\r\n\r\n', '')
    expect(answersOf(text).map(({ status }) => status)).toEqual([200])
    expect(gateway.memory.seen.map((seen) => seen.body.toString())).toEqual([body])
  })

  test('an expectation that is not known is refused', async () => {
    const [answer] = answersOf(await say(gateway.port, post(['expect: 200-ok', 'content-length: 2'], '{}')))
    expect(answer?.status).toBe(417)
    expect(gateway.memory.seen).toHaveLength(0)
  })

  test('a second request behind the first is answered second', async () => {
    const other = gateway.newKey()
    const second = `GET /v1/memories/second HTTP/1.1\r\nhost: x\r\nx-api-key: ${other.text}\r\nconnection: close\r\n\r\n`
    const answers = answersOf(await say(gateway.port, post(['content-length: 2'], '{}') + second))
    expect(answers.map((answer) => urlOf(answer))).toEqual(['/v1/memories', '/v1/memories/second'])
  })

  test('requests on one connection are each who they say they are', async () => {
    const anonymous = 'GET /v1/memories/third HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
    const answers = answersOf(await say(gateway.port, post(['content-length: 2'], '{}') + anonymous))
    expect(answers.map(({ status }) => status)).toEqual([200, 401])
    expect(gateway.memory.seen).toHaveLength(1)
  })

  test('what is left of a body that was refused is not the next request', async () => {
    const refused = ['POST /v1/memories HTTP/1.1', 'host: x', 'content-type: application/json']
    const body = hidden.padEnd(200)
    const text = await say(gateway.port, [...refused, `content-length: ${body.length}`, '', body].join('\r\n'))
    expect(answersOf(text).map(({ status }) => status)).toEqual([401])
    noneSmuggled()
  })

  test('fifty callers on fifty connections at once each get their own answer', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `caller-${i}`)
    const texts = await Promise.all(
      ids.map((id) => {
        const line = `GET /v1/memories/${id} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\n`
        return say(gateway.port, `${line}\r\n${line}connection: close\r\n\r\n`)
      }),
    )
    for (const [at, text] of texts.entries()) {
      expect(answersOf(text).map(urlOf)).toEqual([`/v1/memories/${ids[at]}`, `/v1/memories/${ids[at]}`])
    }
  })
})

function urlOf({ body }: RawAnswer): string {
  return (JSON.parse(body) as { url: string }).url
}

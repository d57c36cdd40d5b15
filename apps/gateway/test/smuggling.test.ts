import { AMBIGUOUS_REQUESTS, requestWriter } from '@memoric/testkit/hostile-requests.ts'
import { answersOf, type RawAnswer, say } from '@memoric/testkit/raw-http.ts'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
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
  return requestWriter(key, hidden()).post(framing, body)
}

/** What an attacker hides: nothing may ever take it for a request. */
const hidden = () => `GET /v1/memories?smuggled=1 HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\n\r\n`

/** What was smuggled would have reached the service before what is sent now. */
async function noneSmuggled(): Promise<void> {
  await fetch(`http://127.0.0.1:${gateway.port}/v1/memories`, { headers: { 'x-api-key': key } })
  for (const { url } of gateway.memory.seen) expect(url).not.toContain('smuggled')
}

describe('what can be read in two ways is refused, and the connection with it', () => {
  test.each(AMBIGUOUS_REQUESTS)('%s', async (_what, write) => {
    const answers = answersOf(await say(gateway.port, write(requestWriter(key, hidden()))))
    expect(answers.map(({ status }) => status)).toEqual([400])
    expect(JSON.parse(answers[0]!.body)).toMatchObject({ code: 'malformed_request', status: 400 })
    await noneSmuggled()
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
    const body = hidden().padEnd(200)
    const text = await say(gateway.port, [...refused, `content-length: ${body.length}`, '', body].join('\r\n'))
    expect(answersOf(text).map(({ status }) => status)).toEqual([401])
    await noneSmuggled()
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

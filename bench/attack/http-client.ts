import { isErrorCode, problem } from '@memoric/contracts/error-codes.ts'
import { answersOf, type RawAnswer, say } from '@memoric/testkit/raw-http.ts'
import { Agent, request } from 'undici'

export interface Sent {
  readonly method?: string
  /** Path and query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** A text or bytes go as they are, anything else as JSON. */
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** Code of the problem; null where the answer is none of ours. */
  readonly code: string | null
}

/** Sends well-formed requests, and bytes that are none, to one port of this machine. */
export interface HttpClient {
  send(sent: Sent): Promise<Answer>
  /** Sends bytes (latin1) on a connection of their own and gives what is answered until it is closed or silent. */
  raw(bytes: string | readonly string[]): Promise<Answer[]>
  close(): Promise<void>
}

export function createHttpClient(port: number): HttpClient {
  const dispatcher = new Agent({ connections: 32, headersTimeout: 60_000 })
  return {
    async send({ method, path, headers = {}, body }) {
      const isRaw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
      const answer = await request(`http://127.0.0.1:${port}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { ...(!isRaw && { 'content-type': 'application/json' }), ...headers },
        body: isRaw ? (body ?? null) : JSON.stringify(body),
        dispatcher,
      })
      const text = await answer.body.text()
      return { status: answer.statusCode, headers: answer.headers, text, code: codeOf(answer.statusCode, text) }
    },
    async raw(bytes) {
      const text = (await say(port, bytes)).replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '')
      return answersOf(text).map(toAnswer)
    },
    close: () => dispatcher.close(),
  }
}

function toAnswer({ status, head, body }: RawAnswer): Answer {
  const lines = head.split('\r\n').slice(1)
  const headers = Object.fromEntries(lines.map((line) => splitAt(line, line.indexOf(':'))))
  return { status, headers, text: body, code: codeOf(status, body) }
}

function splitAt(line: string, colon: number): [string, string] {
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

function codeOf(status: number, text: string): string | null {
  if (status < 400) return null
  try {
    const found = problem.parse(JSON.parse(text))
    return isErrorCode(found.code) && found.status === status ? found.code : null
  } catch {
    return null
  }
}

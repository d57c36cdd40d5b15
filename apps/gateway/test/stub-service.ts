import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { buffer } from 'node:stream/consumers'

/** A request as it reached a service. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly trailers: NodeJS.Dict<string>
  readonly body: Buffer
}

export interface StubAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Readable
}

/** A real HTTP server in the place of a service, which keeps what it was sent. */
export interface StubService {
  readonly url: string
  readonly seen: SeenRequest[]
  /** What it answers from now on; `undefined` closes the connection without an answer. */
  answer: (request: SeenRequest) => StubAnswer | undefined | Promise<StubAnswer | undefined>
  /** Stops listening; the address stays free for `start`. */
  stop(): Promise<void>
  start(): Promise<void>
}

export const ok: StubAnswer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"ok":true}' }

/** Listens on a free port of this machine. */
export async function startStubService(): Promise<StubService> {
  let server: Server
  let port = 0
  const stub: StubService = {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    seen: [],
    answer: () => ok,
    async stop() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
    async start() {
      server = createServer((request, response) => void serve(stub, request, response))
      await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening))
      port = (server.address() as AddressInfo).port
    },
  }
  await stub.start()
  return stub
}

async function serve(stub: StubService, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request)
  const { method = '', url = '', headers, rawHeaders, trailers } = request
  const seen = { method, url, headers, rawHeaders, trailers, body }
  stub.seen.push(seen)
  const answer = request.url === '/ready' ? ok : await stub.answer(seen)
  if (answer === undefined) request.socket.destroy()
  else if (answer.body instanceof Readable) {
    response.writeHead(answer.status, answer.headers)
    await pipeline(answer.body, response).catch(() => undefined)
  } else response.writeHead(answer.status, answer.headers).end(answer.body)
}

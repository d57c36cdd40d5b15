import type { Readable } from 'node:stream'
import { IDENTITY_HEADER, REQUEST_ID_HEADER, SERVICE_KEY_HEADER, type Caller } from '@memoric/contracts/caller.ts'
import { signIdentity } from '@memoric/crypto/identity-statement.ts'
import type { ServiceKey } from '@memoric/crypto/service-key.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { Pool, type Dispatcher } from 'undici'

export interface UpstreamRequest {
  readonly method: string
  /** Path and query, built by us. */
  readonly path: string
  readonly caller: Caller
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string | null
  /** Longest wait for the answer, and between two parts of it, ms; 30 s when left out. */
  readonly timeoutMs?: number
}

export interface UpstreamAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** An answer whose body comes bit by bit, or has been gathered because it is none of those. */
export interface StreamedAnswer extends Omit<UpstreamAnswer, 'body'> {
  readonly body: Readable | Buffer
}

/** A service behind the gateway. */
export interface Upstream {
  /** Sends a request with our service key and a signed statement of who calls. Throws AppError `service_unavailable`. */
  request(request: UpstreamRequest): Promise<UpstreamAnswer>
  /** The same, without gathering the body of an answer 200; whoever asked has to read or destroy it. */
  stream(request: UpstreamRequest): Promise<StreamedAnswer>
  /** Status of GET /ready; throws AppError `service_unavailable` when nothing answers. */
  readiness(): Promise<number>
  /** The same service over connections of its own, for what must not wait behind other requests. */
  apart(): Upstream
  close(): Promise<void>
}

export interface UpstreamOptions {
  /** Name of the service: statements are valid there only. */
  readonly name: string
  readonly url: string
  /** The key to present: it may be replaced while requests are on their way. */
  readonly serviceKey: () => ServiceKey
}

/** Most connections to a service, and as many again for streams. */
export const CONNECTIONS = 64
const TIMEOUT_MS = 30_000

/** Opens connections to a service on demand. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { name, url, serviceKey } = options
  const pool = openPool(url)
  // A slow client keeps the connection of its stream: nothing else may wait for it.
  let streams: Pool | undefined
  const signed = ({ method, path, caller, headers, body, timeoutMs = TIMEOUT_MS }: UpstreamRequest) => {
    const key = serviceKey()
    const now = Date.now()
    return {
      method,
      path,
      body: body ?? null,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      headers: {
        ...headers,
        [SERVICE_KEY_HEADER]: key.text,
        [IDENTITY_HEADER]: signIdentity(key.secret, name, { ...caller }, { now, request: { method, path } }),
        [REQUEST_ID_HEADER]: caller.requestId,
      },
    }
  }
  return {
    request: (request) => send(pool, signed(request)),
    stream: (request) => sendForStream((streams ??= openPool(url)), signed(request)),
    readiness: async () => (await send(pool, { method: 'GET', path: '/ready' })).status,
    apart: () => createUpstream(options),
    async close() {
      await Promise.all([pool.close(), streams?.close()])
    },
  }
}

function openPool(url: string): Pool {
  return new Pool(url, {
    connections: CONNECTIONS,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    connectTimeout: 2000,
    keepAliveTimeout: 30_000,
  })
}

function send(pool: Pool, options: Dispatcher.DispatchOptions): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => pool.dispatch(options, collectAnswer(resolve, reject)))
}

async function sendForStream(pool: Pool, options: Dispatcher.DispatchOptions): Promise<StreamedAnswer> {
  try {
    const { statusCode: status, headers, body } = await pool.request(options)
    if (status === 200) return { status, headers, body }
    return { status, headers, body: Buffer.from(await body.arrayBuffer()) }
  } catch (cause) {
    throw new AppError('service_unavailable', { cause, retryAfter: 1 })
  }
}

/** Gathers an answer without the streams that undici would put around it: a third less work for a small one. */
function collectAnswer(
  resolve: (answer: UpstreamAnswer) => void,
  reject: (error: AppError) => void,
): Dispatcher.DispatchHandler {
  const chunks: Buffer[] = []
  let status = 0
  let headers: UpstreamAnswer['headers'] = {}
  return {
    onRequestStart: () => undefined,
    onResponseStart(_controller, statusCode, received) {
      status = statusCode
      headers = received
    },
    onResponseData: (_controller, chunk) => void chunks.push(chunk),
    onResponseEnd: () => resolve({ status, headers, body: Buffer.concat(chunks) }),
    onResponseError: (_controller, cause) => reject(new AppError('service_unavailable', { cause, retryAfter: 1 })),
  }
}

import type { IncomingMessage, RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import { OutboundError, type OutboundFailure } from './outbound-error.ts'
import {
  allowedAddresses,
  guardedLookup,
  type ResolveAddresses,
  resolveAsHost,
  resolveInDns,
} from './outbound-lookup.ts'
import { hostOf, outboundUrl } from './outbound-url.ts'

export interface OutboundOptions {
  /** Whether hosts may be at private addresses and speak plain HTTP. */
  readonly privateNetworks: boolean
  /** Time until a connection stands, the look-up of its name included, ms. */
  readonly connectMs?: number
  /** Time for the whole request, ms. */
  readonly totalMs?: number
  /** Largest answer that is read, bytes. */
  readonly maxBytes?: number
  readonly resolve?: ResolveAddresses
}

export interface OutboundRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | null
  readonly signal?: AbortSignal | undefined
}

/**
 * Sends a request to a URL that a customer chose, and gives the whole answer. Throws OutboundError, whose message the
 * customer may see; what the other side answered is for the caller's eyes, never for the customer's.
 */
export type OutboundFetch = (url: string | URL, request?: OutboundRequest) => Promise<Response>

type Limits = Required<Pick<OutboundOptions, 'connectMs' | 'totalMs' | 'maxBytes'>>

const DEFAULT_LIMITS: Limits = { connectMs: 3000, totalMs: 10_000, maxBytes: 262_144 }

/**
 * A fetch that reaches public hosts only (unless `privateNetworks`), over HTTPS, by a connection of its own, within limits of
 * time and size. It follows no redirect and decompresses nothing.
 */
export function createOutboundFetch({ privateNetworks, resolve, ...chosen }: OutboundOptions): OutboundFetch {
  const limits = { ...DEFAULT_LIMITS, ...chosen }
  const resolver = resolve ?? (privateNetworks ? resolveAsHost : resolveInDns)
  const lookup = guardedLookup(resolver, allowedAddresses({ privateNetworks }))
  return async (input, { signal, ...request } = {}) => {
    const url = outboundUrl(input, { privateNetworks })
    const timeout = AbortSignal.timeout(limits.totalMs)
    const ending = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
    const options = { lookup, signal: ending, ...requestOptions(url, request) }
    const progress: Progress = { failure: 'unreachable' }
    try {
      const answer = await send(url, options, request.body ?? null, limits, progress)
      return await read(answer, limits.maxBytes)
    } catch (cause) {
      if (cause instanceof OutboundError) throw cause
      throw new OutboundError(ending.aborted ? 'timed_out' : progress.failure, { cause })
    }
  }
}

/** How far a request has come: what it means when it fails now. */
interface Progress {
  failure: OutboundFailure
}

function requestOptions(url: URL, { method = 'GET', headers = {}, body }: OutboundRequest): RequestOptions {
  return {
    host: hostOf(url),
    port: url.port,
    path: url.pathname + url.search,
    method,
    headers: {
      'accept-encoding': 'identity',
      ...headers,
      host: url.host,
      ...(body != null && { 'content-length': Buffer.byteLength(body) }),
    },
    // A connection for this request alone: nothing of one customer's stays open for another's.
    agent: false,
  }
}

async function send(
  url: URL,
  options: RequestOptions,
  body: string | Uint8Array | null,
  { connectMs }: Limits,
  progress: Progress,
): Promise<IncomingMessage> {
  const isPlain = url.protocol === 'http:'
  const { request } = await (isPlain ? import('node:http') : import('node:https'))
  return new Promise((resolve, reject) => {
    const sent = request(options, resolve)
    const timer = setTimeout(() => sent.destroy(new OutboundError('timed_out')), connectMs)
    sent.on('socket', (socket) => follow(socket, isPlain, progress, () => clearTimeout(timer)))
    sent.on('error', reject)
    sent.on('close', () => {
      clearTimeout(timer)
      reject(new OutboundError('broken_answer'))
    })
    sent.end(body)
  })
}

function follow(socket: Socket, isPlain: boolean, progress: Progress, onConnected: () => void): void {
  socket.once('connect', () => {
    progress.failure = isPlain ? 'broken_answer' : 'tls_failed'
    if (isPlain) onConnected()
  })
  socket.once('secureConnect', () => {
    progress.failure = 'broken_answer'
    onConnected()
  })
}

async function read(answer: IncomingMessage, maxBytes: number): Promise<Response> {
  const { statusCode: status = 0 } = answer
  const chunks: Buffer[] = []
  let size = 0
  try {
    if (status >= 300 && status < 400) throw new OutboundError('redirected')
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) throw new OutboundError('too_large')
      chunks.push(chunk)
    }
  } finally {
    answer.destroy()
  }
  return toResponse(answer, status, Buffer.concat(chunks))
}

/** Statuses whose answers have no body (Fetch standard, section 2.2.3). */
const NULL_BODY_STATUSES = [204, 205]

function toResponse({ headers }: IncomingMessage, status: number, body: Buffer): Response {
  if (status < 200 || status > 599) throw new OutboundError('broken_answer')
  const kept = Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return new Response(NULL_BODY_STATUSES.includes(status) ? null : new Uint8Array(body), { status, headers: kept })
}

import type { Route } from '@memoric/contracts/route.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createStreamPlaces, type StreamPlaces } from '../events/stream-places.ts'
import { CONNECTIONS, type Upstream, type UpstreamAnswer, type UpstreamRequest } from './upstream.ts'

/** Headers of an answer that clients get to see. */
const ANSWERED_HEADERS = [
  'content-type',
  'content-disposition',
  'location',
  'etag',
  'idempotent-replayed',
  'retry-after',
  'www-authenticate',
  'cache-control',
] as const

type Forward = (request: FastifyRequest, reply: FastifyReply) => Promise<UpstreamAnswer>

/** Downloads that one tenant may have open at a time: fewer than there are connections for them, so that none waits for those of others. */
const TENANT_STREAMS = 16

/** Places of the downloads from one service. */
export function createDownloadPlaces(): StreamPlaces {
  const limits = { all: CONNECTIONS, perTenant: TENANT_STREAMS, perCredential: TENANT_STREAMS }
  return createStreamPlaces(limits, 'rate_limited')
}

/**
 * Makes what sends requests on to the service of a route and its answers back. The path is built from the route,
 * and headers from the list that the route names: nothing else that a client sends reaches a service. Gives the answer.
 */
export function createForward(route: Route, upstream: Upstream, places: StreamPlaces): Forward {
  const pathOf = createPath(route.path)
  const names = Object.keys(route.headers?.shape ?? {})
  return async (request, reply) => {
    const body = bodyOf(request)
    const headers = namedHeaders(names, request)
    if (body !== null) headers['content-type'] = 'application/json'
    const sent = { method: route.method, path: pathOf(request), caller: request.caller, headers, body }
    if (route.stream !== undefined) return forwardStream(route, upstream, places, sent, reply)
    const answer = await upstream.request(sent)
    send(route, reply, answer)
    return answer
  }
}

/** Passes an answer on bit by bit, as fast as the client takes it; gives it without its body. Throws AppError `rate_limited`. */
async function forwardStream(
  route: Route,
  upstream: Upstream,
  places: StreamPlaces,
  sent: UpstreamRequest,
  reply: FastifyReply,
): Promise<UpstreamAnswer> {
  const { tenantId, principal } = sent.caller
  const giveBack = places.take(tenantId, principal.id)
  try {
    const { body, ...head } = await upstream.stream(sent)
    if (Buffer.isBuffer(body)) {
      giveBack()
      send(route, reply, { ...head, body })
      return { ...head, body }
    }
    body.once('close', giveBack)
    sendHead(reply, head)
    void reply.send(body)
    return { ...head, body: Buffer.alloc(0) }
  } catch (error) {
    giveBack()
    throw error
  }
}

function bodyOf({ body }: FastifyRequest): Buffer | null {
  return Buffer.isBuffer(body) && body.length > 0 ? body : null
}

/** Fills the parameters into the pattern of a route, and takes the query as it came. */
function createPath(pattern: string): (request: FastifyRequest) => string {
  const parts = pattern.split(/:(\w+)/)
  return ({ params, url }) => {
    const given = params as Readonly<Record<string, string>>
    const query = url.indexOf('?')
    const path = parts.map((part, at) => (at % 2 === 0 ? part : encodeURIComponent(given[part] ?? ''))).join('')
    return query === -1 ? path : path + url.slice(query)
  }
}

function namedHeaders(names: readonly string[], { headers }: FastifyRequest): Record<string, string> {
  const named: Record<string, string> = {}
  for (const name of names) {
    const value = headers[name]
    if (typeof value === 'string') named[name] = value
  }
  return named
}

function send({ cookies }: Route, reply: FastifyReply, { status, headers, body }: UpstreamAnswer): void {
  // A service refused us, not the caller: that is our fault, not the caller's credential.
  if (status === 401 && headers['content-type']?.includes('problem') && isServiceRefusal(body)) {
    throw new AppError('bad_upstream', { cause: new Error('the service refused the identity of the gateway') })
  }
  sendHead(reply, { status, headers })
  if (cookies && headers['set-cookie'] !== undefined) reply.header('set-cookie', headers['set-cookie'])
  void reply.send(body.length > 0 ? body : undefined)
}

function sendHead(reply: FastifyReply, { status, headers }: Omit<UpstreamAnswer, 'body'>): void {
  reply.code(status).header('cache-control', 'no-store')
  for (const name of ANSWERED_HEADERS) if (headers[name] !== undefined) reply.header(name, headers[name])
}

function isServiceRefusal(body: Buffer): boolean {
  return body.includes('"invalid_service_identity"')
}

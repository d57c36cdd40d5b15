import type { Route } from '@memoric/contracts/route.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

/** Headers of an answer that clients get to see. */
const ANSWERED_HEADERS = [
  'content-type',
  'location',
  'etag',
  'retry-after',
  'www-authenticate',
  'cache-control',
] as const

/**
 * Sends a request on to the service of its route and its answer back. The path is built from the route,
 * and headers from the list that the route names: nothing else that a client sends reaches a service. Gives the answer.
 */
export async function forward(
  route: Route,
  upstream: Upstream,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<UpstreamAnswer> {
  const body = bodyOf(request)
  const answer = await upstream.request({
    method: route.method,
    path: pathOf(route, request),
    caller: request.caller,
    headers: { ...namedHeaders(route, request), ...(body !== null && { 'content-type': 'application/json' }) },
    body,
  })
  send(route, reply, answer)
  return answer
}

function bodyOf({ body }: FastifyRequest): Buffer | null {
  return Buffer.isBuffer(body) && body.length > 0 ? body : null
}

function pathOf(route: Route, request: FastifyRequest): string {
  const params = request.params as Readonly<Record<string, string>>
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const query = request.url.indexOf('?')
  return query === -1 ? path : path + request.url.slice(query)
}

function namedHeaders(route: Route, request: FastifyRequest): Record<string, string> {
  const names = Object.keys(route.headers?.shape ?? {})
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = request.headers[name]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )
}

function send({ cookies }: Route, reply: FastifyReply, { status, headers, body }: UpstreamAnswer): void {
  // A service refused us, not the caller: that is our fault, not the caller's credential.
  if (status === 401 && headers['content-type']?.includes('problem') && isServiceRefusal(body)) {
    throw new AppError('bad_upstream', { cause: new Error('the service refused the identity of the gateway') })
  }
  reply.header('cache-control', 'no-store')
  for (const name of ANSWERED_HEADERS) if (headers[name] !== undefined) reply.header(name, headers[name])
  if (cookies && headers['set-cookie'] !== undefined) reply.header('set-cookie', headers['set-cookie'])
  void reply.code(status).send(body.length > 0 ? body : undefined)
}

function isServiceRefusal(body: Buffer): boolean {
  return body.includes('"invalid_service_identity"')
}

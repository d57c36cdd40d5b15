import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from './app-error.ts'

/**
 * Refuses requests of HTTP/1.1 that do not name exactly one host (RFC 9112 section 3.2), and whatever comes after one on the same
 * connection, which Node has read by then (section 9.6): AppError `malformed_request`.
 */
export function requireOneHost(app: FastifyInstance): void {
  const closing = new WeakSet<Socket>()
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    if (closing.has(socket) || !hasOneHost(request)) {
      closing.add(socket)
      reply.header('connection', 'close')
      throw new AppError('malformed_request', { detail: 'exactly one Host header is needed' })
    }
    done()
  })
}

function hasOneHost({ raw: { httpVersion, rawHeaders } }: FastifyRequest): boolean {
  const hosts = rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === 'host').length
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0')
}

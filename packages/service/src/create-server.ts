import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { getHeapStatistics } from 'node:v8'
import underPressure from '@fastify/under-pressure'
import { REQUEST_ID_HEADER } from '@memoric/contracts/caller.ts'
import type { Problem } from '@memoric/contracts/error-codes.ts'
import { DEFAULT_BODY_LIMIT } from '@memoric/contracts/route.ts'
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { AppError } from './app-error.ts'
import { requireOneHost } from './host-header.ts'
import type { Logger } from './logger.ts'
import { PROBLEM_CONTENT_TYPE, problemOf, toAppError } from './problem.ts'
import { parseStrictJson } from './strict-json.ts'
import { uuidV7 } from './uuid-v7.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether OAuth clients ask: problems carry the error of RFC 6749 too. */
    oauth?: true
  }
}

/** A problem as it is answered. */
export interface AnsweredProblem {
  readonly error: AppError
  readonly requestId: string
  /** Null where what came was no HTTP. */
  readonly request: FastifyRequest | null
  /** Address of the other end of the connection: a client, or a proxy before it. */
  readonly remoteAddress: string
  /** Since the request arrived, ms. */
  readonly durationMs: number
}

export interface ServerOptions {
  readonly log: Logger
  /** Addresses (CIDR) of proxies whose X-Forwarded-For is believed; none when left out. */
  readonly trustedProxies?: readonly string[]
  /** For an app behind the gateway: the id of a request is the one that the gateway gave it. */
  readonly internal?: boolean
  /** Turns errors of libraries into errors that callers may see. */
  readonly mapError?: (error: unknown) => AppError | undefined
  /** Bytes of JavaScript heap from which on requests are refused; nine tenths of what V8 allows when left out. */
  readonly maxHeapBytes?: number
  /** What happens before a request to an unknown address is answered, such as counting it. */
  readonly beforeNotFound?: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** Hears of every problem that is answered. Must not throw. */
  readonly onProblem?: (problem: AnsweredProblem) => void
  /** Keeps bodies as bytes instead of parsing them, for an app that only forwards. */
  readonly rawBodies?: boolean
}

/**
 * A Fastify server with time-outs, limits, strict JSON bodies and problem+json for every error.
 * It listens to nothing yet.
 */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = options.log
  const app: FastifyInstance = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger of its own costs every request what only failed ones use: logFailure names the request.
    childLoggerFactory: (logger) => logger,
    // Contracts judge what comes and goes; without schemas Fastify need not load its own validator and serialiser.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    genReqId: (request) =>
      (options.internal === true ? givenId(request.headers[REQUEST_ID_HEADER]) : undefined) ?? uuidV7(),
    trustProxy: options.trustedProxies ? [...options.trustedProxies] : false,
    bodyLimit: DEFAULT_BODY_LIMIT,
    connectionTimeout: 60_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    maxRequestsPerSocket: 0,
    // How soon a time-out is noticed depends on how often Node looks: every 30 s by itself.
    http: {
      headersTimeout: 15_000,
      connectionsCheckingInterval: 5_000,
      // What the gateway adds must not make a request too large that it let in.
      maxHeaderSize: options.internal === true ? 49_152 : 16_384,
      // Node's own answer is not a problem; requireOneHost gives one.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: 256 },
    // Fastify's own answer is not a problem; refuseWhileClosing gives one.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, options),
    // The reply of a request that never reached a route is typed by that route's schema, which does not exist.
    frameworkErrors: (error, request, reply) =>
      void answerProblem(toAppError(error), request as FastifyRequest, reply as unknown as FastifyReply, options),
  })
  requireOneHost(app)
  useBodyParser(app, options.rawBodies ?? false)
  useProblems(app, options)
  refuseWhileClosing(app)
  await app.register(underPressure, {
    maxEventLoopDelay: 1000,
    maxHeapUsedBytes: options.maxHeapBytes ?? getHeapStatistics().heap_size_limit * 0.9,
    pressureHandler: () => {
      throw new AppError('overloaded', { retryAfter: 1 })
    },
  })
  return app
}

function noCompiler(): never {
  throw new Error('routes are described in contracts, not by schemas of Fastify')
}

/** A request id from the gateway; anything that is not a UUID is not one. */
function givenId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[0-9a-f-]{36}$/.test(header) ? header : undefined
}

function useBodyParser(app: FastifyInstance, raw: boolean): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (isCoded(request)) done(new AppError('unsupported_media_type', { detail: 'no Content-Encoding is taken' }))
    else if (raw) done(null, body)
    else parseBody(body, done)
  })
}

/** Whether the body is compressed, say (RFC 9110 section 8.4). */
function isCoded({ headers }: FastifyRequest): boolean {
  return (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity'
}

function parseBody(body: Buffer, done: (error: Error | null, value?: unknown) => void): void {
  try {
    done(null, body.length === 0 ? undefined : parseStrictJson(body))
  } catch (error) {
    done(error as Error)
  }
}

function useProblems(app: FastifyInstance, options: ServerOptions): void {
  const { mapError, beforeNotFound } = options
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = mapError?.(thrown) ?? toAppError(thrown)
    logFailure(error, request)
    return answerProblem(error, request, reply, options, request.routeOptions.config.oauth)
  })
  app.setNotFoundHandler(async (request, reply) => {
    await beforeNotFound?.(request, reply)
    throw new AppError('route_not_found')
  })
}

/** Requests that still arrive on open connections while the server drains. */
function refuseWhileClosing(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', (done) => {
    closing = true
    done()
  })
  app.addHook('onRequest', (_request, _reply, done) => {
    if (closing) throw new AppError('service_unavailable', { retryAfter: 1 })
    done()
  })
}

/** Answers are data: no page may be made of them, or put around them. */
export const CONTENT_SECURITY_POLICY = "default-src 'none';frame-ancestors 'none'"

/** On every problem: those that end a request early are sent before any plugin could add them. */
const PROBLEM_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
}

function answerProblem(
  error: AppError,
  request: FastifyRequest,
  reply: FastifyReply,
  { onProblem }: ServerOptions,
  isOAuth = false,
): FastifyReply {
  const remoteAddress = request.socket.remoteAddress ?? ''
  onProblem?.({ error, requestId: request.id, request, remoteAddress, durationMs: reply.elapsedTime })
  return sendProblem(reply, error, problemOf(error, request.id, isOAuth))
}

function sendProblem(reply: FastifyReply, error: AppError, problem: Problem): FastifyReply {
  if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
  if (error.status === 401) reply.header('www-authenticate', 'Bearer')
  const headers = { ...PROBLEM_HEADERS, ...error.headers }
  return reply.code(error.status).headers(headers).type(PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem))
}

function logFailure(error: AppError, request: FastifyRequest): void {
  const facts = { request_id: request.id, code: error.code, route: request.routeOptions.url }
  // Whoever is told to come again comes again: the log must not be the next to have too much to do.
  if (error.status < 500 || error.code === 'overloaded') request.log.debug(facts, 'request refused')
  else request.log.error({ ...facts, err: error.cause ?? error }, 'request failed')
}

/** Answers what is not HTTP, or came too slowly or with too much, and closes the connection. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket, { onProblem }: ServerOptions): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const [refusal, requestId] = [new AppError(brokenRequestCode(error.code)), uuidV7()]
  const remoteAddress = socket.remoteAddress ?? ''
  onProblem?.({ error: refusal, requestId, request: null, remoteAddress, durationMs: 0 })
  const problem = problemOf(refusal, requestId)
  const body = JSON.stringify(problem)
  const headers = {
    ...PROBLEM_HEADERS,
    'content-type': PROBLEM_CONTENT_TYPE,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const status = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`
  socket.end([status, ...lines, '', body].join('\r\n'))
}

function brokenRequestCode(code: string | undefined) {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout'
  return 'malformed_request'
}

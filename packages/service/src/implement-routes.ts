import { Readable } from 'node:stream'
import type { ProblemError } from '@memoric/contracts/error-codes.ts'
import type { AppName, Route, RouteInput, RouteOutput } from '@memoric/contracts/route.ts'
import type { OperationsOf, RouteTable } from '@memoric/contracts/route-table.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from './app-error.ts'
import { requireAccess } from './caller-limits.ts'
import type { RequestContext } from './request-context.ts'

/** What a handler gets: the validated parts of the request, and who asked. */
export type Call<R extends Route> = RouteInput<R> & { readonly context: RequestContext }

/** Routes by their operation id. */
type Routes = Readonly<Record<string, Route>>

/** One handler for each route; a missing one does not compile. */
type HandlersOf<Table extends Routes> = {
  readonly [Id in keyof Table]: (call: Call<Table[Id]>) => Promise<RouteOutput<Table[Id]>>
}

/** The handlers of an app. */
export type Handlers<App extends AppName> = HandlersOf<Pick<RouteTable, OperationsOf<App>>>

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

type AnyHandler = (call: Call<Route>) => Promise<Answer>

/**
 * Registers the routes of an app: permission, body limit and validation come from the table.
 * Needs the caller plugin.
 */
export function implementRoutes<Table extends Routes>(
  app: FastifyInstance,
  routes: Table,
  handlers: HandlersOf<Table>,
): void {
  for (const [id, route] of Object.entries(routes)) {
    // Table and handlers have the same keys; their union of call types cannot be expressed per element.
    const handle = (handlers as unknown as Record<string, AnyHandler>)[id]
    if (handle === undefined) throw new Error(`no handler for ${id}`)
    app.route({
      method: route.method,
      url: route.path,
      ...(route.bodyLimit !== undefined && { bodyLimit: route.bodyLimit }),
      ...(route.form && { config: { oauth: true } }),
      handler: (request, reply) => serve(route, handle, request, reply),
    })
  }
}

async function serve(route: Route, handle: AnyHandler, request: FastifyRequest, reply: FastifyReply) {
  requireAccess(request.caller, route.access)
  const context: RequestContext = {
    caller: request.caller,
    endpoint: route.path,
    method: route.method,
    startedAt: performance.now() - reply.elapsedTime,
  }
  const { status, body, headers } = await handle({ ...readInput(route, request), context })
  if (headers) reply.headers(headers)
  reply.code(status)
  if (body === null) return reply.send()
  if (route.stream !== undefined && status === 200) return reply.send(asReadable(body))
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body))
}

/** Asks for the next bytes only when the ones before have gone out. */
function asReadable(body: unknown): Readable {
  // The contract of a route that streams (`byteStream`).
  return Readable.from(body as AsyncIterable<Uint8Array>, { objectMode: false })
}

/** The query or the body of a route that describes none: empty, so that nobody believes to have said something by it. */
const nothing = z
  .strictObject({})
  .optional()
  .transform(() => undefined)

/** Validates each part of a request by what the route says of it. Throws AppError `validation_failed` with every fault found. */
export function readInput(route: Route, request: FastifyRequest): RouteInput<Route> {
  const errors: ProblemError[] = []
  const read = (schema: z.ZodType | undefined, value: unknown, prefix: string): unknown => {
    if (schema === undefined) return undefined
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    errors.push(...faults(parsed.error, prefix))
    return undefined
  }
  const input = {
    params: read(route.params, request.params, 'path/'),
    query: read(route.query ?? nothing, request.query, 'query/'),
    headers: read(route.headers, request.headers, 'header/'),
    body: read(route.body ?? nothing, request.body, '/'),
  }
  if (errors.length > 0) throw new AppError('validation_failed', { errors: errors.slice(0, 50) })
  return input as RouteInput<Route>
}

/** What is wrong, and where, of a value that `schema` refused. */
export function faults(error: z.ZodError, prefix = '/'): ProblemError[] {
  return error.issues.flatMap((issue) => {
    const pointer = prefix + issue.path.map(pointerToken).join('/')
    if (issue.code !== 'unrecognized_keys') return [{ pointer: trimmed(pointer), message: issue.message }]
    const base = issue.path.length > 0 ? `${pointer}/` : pointer
    return issue.keys.map((key) => ({
      pointer: (base + pointerToken(key)).slice(0, 200),
      message: 'is not a known field',
    }))
  })
}

/** RFC 6901 section 3. */
function pointerToken(part: PropertyKey): string {
  return String(part).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** The pointer of the whole body is the empty string. */
function trimmed(pointer: string): string {
  return pointer === '/' ? '' : pointer.replace(/\/$/, '')
}

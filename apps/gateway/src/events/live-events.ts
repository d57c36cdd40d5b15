import type { RouteInput } from '@memoric/contracts/route.ts'
import { ROUTES } from '@memoric/contracts/route-table.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireAccess } from '@memoric/service/caller-limits.ts'
import { readInput } from '@memoric/service/implement-routes.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authenticate, type Guarded } from '../authentication/authenticate.ts'
import type { LiveGrant } from '../authentication/live-grant.ts'
import { createEventFilter } from './event-filter.ts'
import { HEARTBEAT, openingFrame } from './event-frame.ts'
import type { EventHub } from './event-hub.ts'
import type { EventIds } from './event-ids.ts'
import { followTenant } from './follow-tenant.ts'
import type { StreamPlaces } from './stream-places.ts'
import { createSubscriber, type Subscriber } from './subscriber.ts'
import { type CredentialWatch, watchCredential } from './watch-credential.ts'

/** What a grant that is asked about again and again needs to know of the signals about it. */
export interface GrantSignals {
  /** Calls `listener` with every id that may have ended, or with null when any may have. Returns what ends it. */
  onRevoked(listener: (ids: readonly string[] | null) => void): () => void
}

export interface LiveEventsDeps extends Guarded {
  readonly messaging: Messaging
  readonly hub: EventHub
  readonly eventIds: EventIds
  readonly places: StreamPlaces
  readonly grantSignals: GrantSignals
  /** Finds out who calls, and counts the request. */
  readonly admit: (request: FastifyRequest, reply: FastifyReply) => Promise<LiveGrant | null>
  /** Tells the log that somebody subscribed. */
  readonly tellSubscribed: (caller: Caller, filters: readonly string[], resumed: boolean) => void
  readonly recheckMs: number
  readonly heartbeatMs: number
}

interface Open {
  readonly subscriber: Subscriber
  readonly grant: LiveGrant
  readonly watch: CredentialWatch
}

const route = ROUTES.subscribeEvents
const STARTED_MS = 5_000
/** Auth is not asked about everybody at once after NATS was away, ms. */
const SPREAD_MS = 3_000

/** Serves GET /v1/events. */
export function useLiveEvents(app: FastifyInstance, deps: LiveEventsDeps): void {
  const streams = new Set<Open>()
  const stopHearing = deps.grantSignals.onRevoked((ids) => checkEnded(streams, ids))
  app.addHook('preClose', (done) => {
    stopHearing()
    for (const { subscriber } of streams) subscriber.end('shutdown')
    deps.hub.close()
    done()
  })
  const granted = new WeakMap<FastifyRequest, LiveGrant>()
  app.route({
    method: route.method,
    url: route.path,
    async onRequest(request, reply) {
      const grant = await deps.admit(request, reply)
      if (grant !== null) granted.set(request, grant)
    },
    async handler(request, reply) {
      const grant = granted.get(request)
      if (grant === undefined) throw new AppError('authentication_required')
      return open(deps, streams, grant, request, reply)
    },
  })
}

function checkEnded(streams: ReadonlySet<Open>, ids: readonly string[] | null): void {
  const ended = new Set(ids)
  for (const { grant, watch } of streams) {
    const isMeant = [grant.grantId, grant.principal.id, grant.tenantId].some((name) => ended.has(name))
    if (ids === null) setTimeout(() => watch.check(), Math.random() * SPREAD_MS).unref()
    else if (isMeant) watch.check()
  }
}

async function open(
  deps: LiveEventsDeps,
  streams: Set<Open>,
  grant: LiveGrant,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  requireWholeTenant(request.caller)
  // What is read is what the route describes.
  const { query, headers } = readInput(route, request) as RouteInput<typeof route>
  const { tenantId } = grant
  const giveBack = deps.places.take(tenantId, grant.grantId)
  const tail = deps.hub.use(tenantId)
  const subscriber = createSubscriber()
  subscriber.body.once('close', () => {
    giveBack()
    deps.hub.release(tenantId)
  })
  try {
    await within(STARTED_MS, tail.started)
  } catch (cause) {
    subscriber.body.destroy()
    throw new AppError('service_unavailable', { cause, retryAfter: 5 })
  }
  const watch = keepOpen(deps, streams, { subscriber, grant, request, maxSeconds: query.max_seconds })
  subscriber.send(openingFrame())
  const lastEventId = headers['last-event-id'] ?? null
  const matches = createEventFilter(query)
  const { messaging, eventIds: ids } = deps
  followTenant({ messaging, ids, tail, tenantId, subscriber, matches, lastEventId }).then(
    (leave) => (subscriber.body.closed ? leave() : subscriber.body.once('close', leave)),
    () => subscriber.body.destroy(),
  )
  deps.tellSubscribed(request.caller, filtersOf(query), lastEventId !== null)
  // What ended while the stream was being opened was told to nobody.
  watch.check()
  return reply
    .header('cache-control', 'no-store, no-transform')
    .header('x-accel-buffering', 'no')
    .type('text/event-stream; charset=utf-8')
    .send(subscriber.body)
}

function filtersOf({ type, resource }: { type?: string | undefined; resource?: string | undefined }): string[] {
  return [...(type === undefined ? [] : ['type']), ...(resource === undefined ? [] : ['resource'])]
}

function requireWholeTenant({ subjects, namespaces }: Caller): void {
  if (subjects === '*' && namespaces === '*') return
  throw new AppError('permission_denied', { detail: 'events are of the whole tenant, the credential is limited' })
}

interface Kept {
  readonly subscriber: Subscriber
  readonly grant: LiveGrant
  readonly request: FastifyRequest
  readonly maxSeconds: number | undefined
}

/** Heartbeats, the end of the credential, the end of the time. */
function keepOpen(
  deps: LiveEventsDeps,
  streams: Set<Open>,
  { subscriber, grant, request, maxSeconds }: Kept,
): CredentialWatch {
  const { recheckMs: everyMs, heartbeatMs } = deps
  const ask = () => askAgain(deps, request)
  const watch = watchCredential({ grant, everyMs, ask, onEnded: () => subscriber.end('credential_ended') })
  const beat = setInterval(() => subscriber.send(HEARTBEAT), heartbeatMs)
  const over = maxSeconds === undefined ? undefined : setTimeout(() => subscriber.end('time_over'), maxSeconds * 1000)
  const stream = { subscriber, grant, watch }
  streams.add(stream)
  subscriber.body.once('close', () => {
    streams.delete(stream)
    watch.close()
    clearInterval(beat)
    clearTimeout(over)
  })
  return watch
}

async function askAgain(deps: LiveEventsDeps, request: FastifyRequest): Promise<LiveGrant> {
  const grant = await authenticate(deps, request)
  requireAccess(request.caller, route.access)
  requireWholeTenant(request.caller)
  if (grant === null) throw new AppError('authentication_required')
  return grant
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('it takes too long')), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

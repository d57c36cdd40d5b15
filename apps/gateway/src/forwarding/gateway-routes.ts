import { ROUTES } from '@memoric/contracts/route-table.ts'
import type { AppName, Route } from '@memoric/contracts/route.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireAccess } from '@memoric/service/caller-limits.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { anonymous, authenticate, type AuthenticationDeps } from '../authentication/authenticate.ts'
import type { LiveGrant } from '../authentication/live-grant.ts'
import type { RateLimits } from '../limits/rate-limits.ts'
import { useFormScope } from '../oauth/form-scope.ts'
import type { TellRefusals } from '../refusals/tell-refusals.ts'
import type { StreamPlaces } from '../events/stream-places.ts'
import { createDownloadPlaces, createForward } from './forward.ts'
import { takeStatedHeaders } from './stated-headers.ts'
import type { Upstream } from './upstream.ts'

export interface GatewayRoutesDeps extends AuthenticationDeps {
  readonly upstreams: Readonly<Record<Exclude<AppName, 'gateway'>, Upstream>>
  readonly limits: RateLimits
  readonly tellRefusals: TellRefusals
}

/** Serves every route of the table: authenticates, limits, checks the permission, and forwards. */
export function useGatewayRoutes(app: FastifyInstance, deps: GatewayRoutesDeps): void {
  app.decorateRequest('caller')
  const places = { auth: createDownloadPlaces(), memory: createDownloadPlaces(), audit: createDownloadPlaces() }
  for (const route of Object.values<Route>(ROUTES)) {
    if (route.app === 'gateway') continue
    const [upstream, free] = [deps.upstreams[route.app], places[route.app]]
    if (route.form) useFormScope(app, route, (scope) => addRoute(scope, deps, route, upstream, free))
    else addRoute(app, deps, route, upstream, free)
  }
}

function addRoute(
  app: FastifyInstance,
  deps: GatewayRoutesDeps,
  route: Route,
  upstream: Upstream,
  places: StreamPlaces,
): void {
  const forward = createForward(route, upstream, places)
  app.route({
    method: route.method,
    url: route.path,
    ...(route.bodyLimit !== undefined && { bodyLimit: route.bodyLimit }),
    ...(route.form && { config: { oauth: true } }),
    async onRequest(request, reply) {
      await admit(deps, route, request, reply)
    },
    handler: async (request, reply) => {
      const answer = await forward(request, reply)
      deps.tellRefusals.answer(route, request, reply, answer)
      return reply
    },
  })
}

type AdmitDeps = AuthenticationDeps & Pick<GatewayRoutesDeps, 'limits'>

/** Everything that is decided before a byte of the body is read. */
export async function admit(
  deps: AdmitDeps,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<LiveGrant | null> {
  const grant = await identify(deps, route, request, reply)
  await deps.limits.count(route.rate, request, reply, grant)
  requireAccess(request.caller, route.access)
  takeStatedHeaders(request)
  return grant
}

/** The grant of the caller; those who bring a credential that does not stand count like those who bring none. */
async function identify(
  deps: AdmitDeps,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<LiveGrant | null> {
  if (route.form) {
    request.caller = anonymous(request)
    return null
  }
  try {
    return await authenticate(deps, request)
  } catch (error) {
    if (error instanceof AppError && error.status < 500) await deps.limits.countAnonymous(request, reply)
    throw error
  }
}

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
import { createForward } from './forward.ts'
import type { Upstream } from './upstream.ts'

export interface GatewayRoutesDeps extends AuthenticationDeps {
  readonly upstreams: Readonly<Record<Exclude<AppName, 'gateway'>, Upstream>>
  readonly limits: RateLimits
  readonly tellRefusals: TellRefusals
}

/** Serves every route of the table: authenticates, limits, checks the permission, and forwards. */
export function useGatewayRoutes(app: FastifyInstance, deps: GatewayRoutesDeps): void {
  app.decorateRequest('caller')
  for (const route of Object.values<Route>(ROUTES)) {
    if (route.app === 'gateway') continue
    const upstream = deps.upstreams[route.app]
    if (route.form) useFormScope(app, route, (scope) => addRoute(scope, deps, route, upstream))
    else addRoute(app, deps, route, upstream)
  }
}

function addRoute(app: FastifyInstance, deps: GatewayRoutesDeps, route: Route, upstream: Upstream): void {
  const forward = createForward(route, upstream)
  app.route({
    method: route.method,
    url: route.path,
    ...(route.bodyLimit !== undefined && { bodyLimit: route.bodyLimit }),
    ...(route.form && { config: { oauth: true } }),
    onRequest: (request, reply) => admit(deps, route, request, reply),
    handler: async (request, reply) => {
      const answer = await forward(request, reply)
      deps.tellRefusals.answer(route, request, reply, answer)
      return reply
    },
  })
}

/** Everything that is decided before a byte of the body is read. */
async function admit(
  deps: GatewayRoutesDeps,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const grant = await identify(deps, route, request, reply)
  await deps.limits.count(route.rate, request, reply, grant)
  requireAccess(request.caller, route.access)
}

/** The grant of the caller; those who bring a credential that does not stand count like those who bring none. */
async function identify(
  deps: GatewayRoutesDeps,
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

import { ROUTES } from '@memoric/contracts/route-table.ts'
import type { AppName, Route } from '@memoric/contracts/route.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireAccess } from '@memoric/service/caller-limits.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { anonymous, authenticate, type AuthenticationDeps } from '../authentication/authenticate.ts'
import type { RateLimits } from '../limits/rate-limits.ts'
import { forward } from './forward.ts'
import type { Upstream } from './upstream.ts'

export interface GatewayRoutesDeps extends AuthenticationDeps {
  readonly upstreams: Readonly<Record<Exclude<AppName, 'gateway'>, Upstream>>
  readonly limits: RateLimits
}

/** Serves every route of the table: authenticates, limits, checks the permission, and forwards. */
export function useGatewayRoutes(app: FastifyInstance, deps: GatewayRoutesDeps): void {
  app.decorateRequest('caller')
  for (const route of Object.values<Route>(ROUTES)) {
    if (route.app === 'gateway') continue
    const upstream = deps.upstreams[route.app]
    app.route({
      method: route.method,
      url: route.path,
      ...(route.bodyLimit !== undefined && { bodyLimit: route.bodyLimit }),
      onRequest: (request, reply) => admit(deps, route, request, reply),
      handler: (request, reply) => forward(route, upstream, request, reply),
    })
  }
}

/** Everything that is decided before a byte of the body is read. */
async function admit(
  deps: GatewayRoutesDeps,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  request.caller = anonymous(request)
  try {
    request.caller = await authenticate(deps, request)
  } catch (error) {
    if (error instanceof AppError && error.status < 500) await deps.limits.countAnonymous(request, reply)
    throw error
  }
  await deps.limits.count(route.rate, request, reply)
  requireAccess(request.caller, route.access)
}

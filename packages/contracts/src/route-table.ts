import { eventStreamRoutes } from './event-stream-contract.ts'
import type { AppName, Route } from './route.ts'
import { ROUTES_OF_AUDIT } from './routes-of-audit.ts'
import { ROUTES_OF_AUTH } from './routes-of-auth.ts'
import { ROUTES_OF_MEMORY } from './routes-of-memory.ts'

/**
 * Every public route by its operation id: the gateway serves these and no other. The apps behind it load their own part alone:
 * schemas take memory.
 */
export const ROUTES = {
  ...ROUTES_OF_AUTH,
  ...ROUTES_OF_MEMORY,
  ...ROUTES_OF_AUDIT,
  ...eventStreamRoutes,
} as const satisfies Record<string, Route>

export type RouteTable = typeof ROUTES
export type OperationId = keyof RouteTable

/** Operation ids that `App` must implement. */
export type OperationsOf<App extends AppName> = {
  [Id in OperationId]: RouteTable[Id]['app'] extends App ? Id : never
}[OperationId]

import { alertRoutes } from './alert-contract.ts'
import { alertDeliveryRoutes } from './alert-delivery-contract.ts'
import { auditRoutes } from './audit-contract.ts'
import { auditProofRoutes } from './audit-proof-contract.ts'
import { deadLetterRoutes } from './dead-letter-contract.ts'
import type { RouteOf } from './route.ts'

/** The routes that audit implements, by operation id. */
export const ROUTES_OF_AUDIT = {
  ...auditRoutes,
  ...auditProofRoutes,
  ...alertRoutes,
  ...alertDeliveryRoutes,
  ...deadLetterRoutes,
} as const satisfies Record<string, RouteOf<'audit'>>

import { alertRoutes } from './alert-contract.ts'
import { alertDeliveryRoutes } from './alert-delivery-contract.ts'
import { apiKeyRoutes } from './api-key-contract.ts'
import { auditRoutes } from './audit-contract.ts'
import { auditProofRoutes } from './audit-proof-contract.ts'
import { authRoutes } from './auth-contract.ts'
import { capsuleRoutes } from './capsule-contract.ts'
import { clusterRoutes } from './cluster-contract.ts'
import { consolidationRoutes } from './consolidation-contract.ts'
import { contextRoutes } from './context-contract.ts'
import { deadLetterRoutes } from './dead-letter-contract.ts'
import { decisionRoutes } from './decision-contract.ts'
import { edgeRoutes } from './edge-contract.ts'
import { editRoutes } from './edit-contract.ts'
import { eventStreamRoutes } from './event-stream-contract.ts'
import { exportRoutes } from './export-contract.ts'
import { handoffRoutes } from './handoff-contract.ts'
import { identityRoutes } from './identity-contract.ts'
import { keyRoutes } from './key-contract.ts'
import { knowledgeRoutes } from './knowledge-contract.ts'
import { memberRoutes } from './member-contract.ts'
import { memoryRoutes } from './memory-contract.ts'
import { mergeRoutes } from './merge-contract.ts'
import { passwordRoutes } from './password-contract.ts'
import { personRoutes } from './person-contract.ts'
import { policyRoutes } from './policy-contract.ts'
import { quotaRoutes } from './quota-contract.ts'
import type { AppName, Route } from './route.ts'
import { privacyRoutes } from './privacy-contract.ts'
import { searchRoutes } from './search-contract.ts'
import { sessionRoutes } from './session-contract.ts'
import { ssoRoutes } from './sso-contract.ts'
import { taskRoutes } from './task-contract.ts'
import { tenantRoutes } from './tenant-contract.ts'
import { threadRoutes } from './thread-contract.ts'
import { tierRoutes } from './tier-contract.ts'
import { totpRoutes } from './totp-contract.ts'
import { wakeUpRoutes } from './wake-up-contract.ts'

/** Every public route by its operation id: the gateway serves these and no other. */
export const ROUTES = {
  ...authRoutes,
  ...passwordRoutes,
  ...sessionRoutes,
  ...totpRoutes,
  ...ssoRoutes,
  ...memberRoutes,
  ...tenantRoutes,
  ...apiKeyRoutes,
  ...memoryRoutes,
  ...mergeRoutes,
  ...keyRoutes,
  ...quotaRoutes,
  ...policyRoutes,
  ...privacyRoutes,
  ...exportRoutes,
  ...searchRoutes,
  ...contextRoutes,
  ...threadRoutes,
  ...tierRoutes,
  ...clusterRoutes,

  ...handoffRoutes,
  ...knowledgeRoutes,
  ...decisionRoutes,
  ...taskRoutes,
  ...editRoutes,
  ...capsuleRoutes,
  ...wakeUpRoutes,
  ...identityRoutes,
  ...consolidationRoutes,
  ...edgeRoutes,
  ...personRoutes,
  ...auditRoutes,
  ...auditProofRoutes,
  ...alertRoutes,
  ...alertDeliveryRoutes,
  ...deadLetterRoutes,
  ...eventStreamRoutes,
} as const satisfies Record<string, Route>

export type RouteTable = typeof ROUTES
export type OperationId = keyof RouteTable

/** Operation ids that `App` must implement. */
export type OperationsOf<App extends AppName> = {
  [Id in OperationId]: RouteTable[Id]['app'] extends App ? Id : never
}[OperationId]

/** The routes of one app with their operation ids. */
export function routesOf(app: AppName): [OperationId, Route][] {
  return Object.entries(ROUTES).filter(([, route]) => route.app === app) as [OperationId, Route][]
}

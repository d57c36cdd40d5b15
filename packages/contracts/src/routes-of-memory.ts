import { capsuleRoutes } from './capsule-contract.ts'
import { clusterRoutes } from './cluster-contract.ts'
import { consolidationRoutes } from './consolidation-contract.ts'
import { contextRoutes } from './context-contract.ts'
import { decisionRoutes } from './decision-contract.ts'
import { edgeRoutes } from './edge-contract.ts'
import { editRoutes } from './edit-contract.ts'
import { exportRoutes } from './export-contract.ts'
import { handoffRoutes } from './handoff-contract.ts'
import { identityRoutes } from './identity-contract.ts'
import { keyRoutes } from './key-contract.ts'
import { knowledgeRoutes } from './knowledge-contract.ts'
import { memoryRoutes } from './memory-contract.ts'
import { mergeRoutes } from './merge-contract.ts'
import { personRoutes } from './person-contract.ts'
import { policyRoutes } from './policy-contract.ts'
import { privacyRoutes } from './privacy-contract.ts'
import { quotaRoutes } from './quota-contract.ts'
import { searchRoutes } from './search-contract.ts'
import { taskRoutes } from './task-contract.ts'
import { threadRoutes } from './thread-contract.ts'
import { tierRoutes } from './tier-contract.ts'
import { wakeUpRoutes } from './wake-up-contract.ts'
import type { RouteOf } from './route.ts'

/** The routes that memory implements, by operation id. */
export const ROUTES_OF_MEMORY = {
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
} as const satisfies Record<string, RouteOf<'memory'>>

import { apiKeyRoutes } from './api-key-contract.ts'
import { authRoutes } from './auth-contract.ts'
import { memberRoutes } from './member-contract.ts'
import { passwordRoutes } from './password-contract.ts'
import { sessionRoutes } from './session-contract.ts'
import { ssoRoutes } from './sso-contract.ts'
import { tenantRoutes } from './tenant-contract.ts'
import { totpRoutes } from './totp-contract.ts'
import type { RouteOf } from './route.ts'

/** The routes that auth implements, by operation id. */
export const ROUTES_OF_AUTH = {
  ...authRoutes,
  ...passwordRoutes,
  ...sessionRoutes,
  ...totpRoutes,
  ...ssoRoutes,
  ...memberRoutes,
  ...tenantRoutes,
  ...apiKeyRoutes,
} as const satisfies Record<string, RouteOf<'auth'>>

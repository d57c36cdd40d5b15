import type { Caller } from '@memoric/contracts/caller.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { DEFAULT_TENANT_SETTINGS, type TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { newSession, type NewSession } from '../src/sessions/new-session.ts'
import { type SessionStart, startSession } from '../src/sessions/start-session.ts'
import type { Owner } from './sign-up.ts'
import type { TestAuth } from './use-auth.ts'

/** A request without a credential. */
export const anonymousContext: RequestContext = {
  caller: {
    tenantId: PLATFORM_TENANT,
    principal: { type: 'anonymous', id: 'anonymous' },
    sessionId: null,
    permissions: [],
    subjects: [],
    namespaces: [],
    requestId: 'request-of-a-test',
    clientAddress: '192.0.2.7',
    userAgent: 'a browser',
  },
  endpoint: '/v1/auth/login',
  method: 'POST',
  startedAt: 0,
}

export interface Begun extends NewSession {
  /** Whom the gateway would state for it. */
  readonly caller: Partial<Caller>
}

export type Settings = Partial<TenantSettings>

/** Signs an owner in once more, past the password. */
export async function beginSession(
  { deps }: Pick<TestAuth, 'deps'>,
  owner: Owner,
  settings: Settings = {},
  more: Partial<SessionStart> = {},
): Promise<Begun> {
  const user = { tenant_id: owner.tenantId, id: owner.userId, role: 'owner' } as const
  const chosen = { ...DEFAULT_TENANT_SETTINGS, ...settings }
  const session = newSession(deps, user, chosen, anonymousContext, { method: 'password' })
  await startSession(deps, { session, context: anonymousContext, ...more })
  return { ...session, caller: { ...owner.caller, sessionId: session.sessionId } }
}

/** What a tenant chose, as if it had been changed a moment ago. */
export function chooseSettings({ admin }: Pick<TestAuth, 'admin'>, { tenantId }: Owner, settings: Settings) {
  return admin`update tenants set settings = ${JSON.stringify(settings)}::text::jsonb where id = ${tenantId}`
}

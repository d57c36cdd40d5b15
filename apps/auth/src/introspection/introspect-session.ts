import { sessionId, type TenantId, userId } from '@memoric/contracts/ids.ts'
import type { IntrospectAnswer, IntrospectBody } from '@memoric/contracts/introspection.ts'
import { isConfinedToOwnSubject, ROLE_PERMISSIONS } from '@memoric/contracts/permissions.ts'
import type { Deps } from '../deps.ts'
import { requiredActions } from '../tenants/required-actions.ts'
import { selectSessionGrant, type SessionGrantRow } from './grant-repository.ts'
import { refuse, type RefusalReason, tenantPart, UNKNOWN } from './refusal.ts'

type SessionQuestion = Extract<IntrospectBody, { kind: 'session' }>

/** What a session may do, or why it does not stand. While something is asked of the user first, it may do nothing. */
export async function introspectSession(deps: Deps, question: SessionQuestion): Promise<IntrospectAnswer> {
  const [session, user] = [sessionId.safeParse(question.session_id), userId.safeParse(question.user_id)]
  if (!session.success || !user.success) return UNKNOWN
  const [row] = await deps.reader.ask((tx) => selectSessionGrant(tx, session.data, user.data, deps.config))
  if (row === undefined) return UNKNOWN
  const principal = { type: 'user', id: user.data } as const
  const reason = reasonAgainst(row)
  if (reason !== null) return refuse(reason, row, principal)
  const { settings, limits } = tenantPart(deps.keys, row)
  const { has_totp: hasTotp, password_stands_alone: standsAlone } = row
  const isFree = requiredActions(settings, { ...row, hasTotp, standsAlone }).length === 0
  const grant = {
    grantId: session.data,
    // From a row of that tenant.
    tenantId: row.tenant_id as TenantId,
    principal,
    permissions: isFree ? [...ROLE_PERMISSIONS[row.role]] : [],
    subjects: isConfinedToOwnSubject(row.role) ? [user.data] : ('*' as const),
    namespaces: '*' as const,
    ...limits,
    rateLimit: null,
    expiresAt: row.expires_at.getTime(),
  }
  return { grant, refusal: null }
}

function reasonAgainst({ suspended, active, revoked, expired }: SessionGrantRow): RefusalReason | null {
  if (suspended) return 'tenant_suspended'
  if (!active) return 'user_inactive'
  if (revoked) return 'revoked'
  return expired ? 'expired' : null
}

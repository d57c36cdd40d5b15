import { sessionId, type TenantId, userId } from '@memoric/contracts/ids.ts'
import type { Grant, IntrospectBody } from '@memoric/contracts/introspection.ts'
import { isConfinedToOwnSubject, ROLE_PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Deps } from '../deps.ts'
import { selectSessionGrant } from './grant-repository.ts'

type SessionQuestion = Extract<IntrospectBody, { kind: 'session' }>

/** What a session may do, or null when it is not live. */
export async function introspectSession({ sql }: Deps, question: SessionQuestion): Promise<Grant | null> {
  const [session, user] = [sessionId.safeParse(question.session_id), userId.safeParse(question.user_id)]
  if (!session.success || !user.success) return null
  const [[row]] = await systemFlight(sql, (tx) => [selectSessionGrant(tx, session.data, user.data)])
  if (row === undefined) return null
  return {
    grantId: session.data,
    // From a row of that tenant.
    tenantId: row.tenant_id as TenantId,
    principal: { type: 'user', id: user.data },
    permissions: [...ROLE_PERMISSIONS[row.role]],
    subjects: isConfinedToOwnSubject(row.role) ? [user.data] : '*',
    namespaces: '*',
    expiresAt: row.expires_at.getTime(),
  }
}

import type { TenantId, UserId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import { queueMail } from '../mail/mail-queue.ts'
import { lockLiveSession } from '../sessions/live-session-repository.ts'
import { requireSession } from '../sessions/require-session.ts'
import { tenantScope } from '../tenant-scope.ts'
import { type SessionOwner, selectTotpUser, type TotpUserRow } from './totp-repository.ts'

/** The signed-in user whose second factor a request is about. */
export interface TotpUser extends TotpUserRow, SessionOwner {
  readonly email: string
}

/** Finds the user who calls. Throws AppError `session_required`, `invalid_token`. */
export async function findTotpUser({ sql, keys }: Deps, { caller }: RequestContext): Promise<TotpUser> {
  const { tenantId } = caller
  const owner = { tenantId, ...requireSession(caller) }
  const [[row]] = await tenantFlight(sql, tenantScope(tenantId), (tx) => [selectTotpUser(tx, owner)])
  if (row === undefined) throw new AppError('invalid_token')
  const email = keys.personal.open({ tenantId, recordId: row.id, field: 'email' }, row.email_sealed)
  return { ...row, ...owner, email }
}

/** Nobody else uses or ends the session until the transaction does. Throws AppError `invalid_token` when it ended meanwhile. */
export async function lockSession(tx: Tx, { config }: Pick<Deps, 'config'>, user: TotpUser): Promise<void> {
  const [session] = await lockLiveSession(tx, user.tenantId, user.sessionId, config)
  // A gateway may not know yet that it has.
  if (session?.userId !== user.id) throw new AppError('invalid_token')
}

/** The statement that tells a user by mail of a change to the own account; the caller wakes the mails. */
export function notify(tx: Tx, deps: Deps, { tenant_id, id }: Pick<TotpUser, 'tenant_id' | 'id'>, text: string) {
  // From the row of a user.
  const user = { tenantId: tenant_id as TenantId, userId: id as UserId }
  return queueMail(tx, deps, { kind: 'security_notice', ...user, text })
}

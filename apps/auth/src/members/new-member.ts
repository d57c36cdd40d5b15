import type { Role } from '@memoric/contracts/permissions.ts'
import { isUniqueViolation } from '@memoric/postgres/database-error.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { NewUser } from '../accounts/user-repository.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { type MailQueueDeps, queueMail } from '../mail/mail-queue.ts'
import { mailOrigin } from '../mail/mail-request.ts'

/** Who becomes a member. */
export interface NewMember {
  readonly tenantId: string
  readonly email: string
  readonly displayName: string | undefined
  readonly role: Role
  /** Null while the member has no password. */
  readonly passwordHash: string | null
}

/** The row of a new member, sealed. */
export function newMember(keys: AuthKeys, { tenantId, email, displayName, role, passwordHash }: NewMember): NewUser {
  const place = { tenantId, recordId: uuidV7() }
  return {
    tenant_id: tenantId,
    id: place.recordId,
    email_index: keys.emailIndex(email),
    email_sealed: keys.personal.seal({ ...place, field: 'email' }, email),
    display_name_sealed:
      displayName === undefined ? null : keys.personal.seal({ ...place, field: 'display_name' }, displayName),
    role,
    password_hash: passwordHash,
  }
}

/** Asks for a mail by which the new member proves the address. */
export function askForProof(tx: Tx, deps: MailQueueDeps, to: string, context: RequestContext) {
  return queueMail(tx, deps, { kind: 'email_verification', to, origin: mailOrigin(context), told: true })
}

/** AppError `email_taken` where a member with the address exists already, within the tenant; any other error as it is. */
export function asEmailTaken(error: unknown): unknown {
  return isUniqueViolation(error, 'users_tenant_id_email_index_key')
    ? new AppError('email_taken', { cause: error })
    : error
}

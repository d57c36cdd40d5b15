import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import type { NewTenant } from './tenant-repository.ts'
import type { NewUser } from './user-repository.ts'

/** What somebody who registers says. */
export interface AccountRequest {
  readonly email: string
  readonly passwordHash: string
  readonly tenantName: string
  readonly displayName: string | undefined
}

/** A tenant and its owner, sealed, before they are stored. */
export interface NewAccount {
  readonly tenant: NewTenant
  readonly owner: NewUser
  readonly emailIndex: Buffer
}

export function newAccount(keys: AuthKeys, request: AccountRequest): NewAccount {
  const [tenantId, userId] = [uuidV7(), uuidV7()]
  const place = { tenantId, recordId: userId }
  const { email, displayName: name } = request
  const { personal } = keys
  const emailIndex = keys.emailIndex(email)
  const owner: NewUser = {
    tenant_id: tenantId,
    id: userId,
    email_index: emailIndex,
    email_sealed: personal.seal({ ...place, field: 'email' }, email),
    display_name_sealed: name === undefined ? null : personal.seal({ ...place, field: 'display_name' }, name),
    role: 'owner',
    password_hash: request.passwordHash,
  }
  const nameSealed = personal.seal({ tenantId, recordId: tenantId, field: 'name' }, request.tenantName)
  return { tenant: { id: tenantId, name_sealed: nameSealed }, owner, emailIndex }
}

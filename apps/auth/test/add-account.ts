import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { TestAuth } from './use-auth.ts'

/** Gives the person of an address an account in a tenant; with null for a password, one without. Gives its id. */
export async function addAccount(
  { deps, admin }: TestAuth,
  email: string,
  tenantId: string,
  password: string | null,
): Promise<string> {
  const { keys, passwords } = deps
  const id = uuidV7()
  const sealed = keys.personal.seal({ tenantId, recordId: id, field: 'email' }, email)
  const hash = password === null ? null : await passwords.hash(password)
  await admin`
    insert into users (tenant_id, id, email_index, email_sealed, role, password_hash)
    values (${tenantId}, ${id}, ${keys.emailIndex(email)}, ${sealed}, 'user', ${hash})`
  return id
}

import type { Tx } from '@memoric/postgres/lease.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import { newAccount } from '../accounts/new-account.ts'
import { registered } from '../accounts/registered.ts'
import { insertTenant } from '../accounts/tenant-repository.ts'
import { insertUser, lockEmail, selectEmailTaken } from '../accounts/user-repository.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import type { MailRequest } from './mail-request.ts'

type Registration = Extract<MailRequest, { kind: 'registration' }>

/**
 * Makes the tenant and the owner of a registration whose address has to be proven first, unless the address has an account. Gives the
 * mail that follows; the same registration is not stored again then.
 */
export async function storeRegistration(
  tx: Tx,
  { keys, events }: { readonly keys: AuthKeys; readonly events: EventFactory },
  { to, origin, tenantName, displayName, passwordHash }: Registration,
): Promise<MailRequest> {
  const account = newAccount(keys, { email: to, tenantName, displayName, passwordHash })
  await lockEmail(tx, account.emailIndex)
  const taken = await selectEmailTaken(tx, account.emailIndex)
  if (taken.length > 0) return { kind: 'already_registered', to }
  const context = { ...origin, startedAt: performance.now() }
  const event = registered(events, account, { email: to, context, statusCode: 202, sessionId: null })
  await Promise.all([insertTenant(tx, account.tenant), insertUser(tx, account.owner), outboxInsert(tx, [event])])
  return { kind: 'email_verification', to, origin, told: true }
}

import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { normalizeEmail } from '@memoric/crypto/blind-index.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { type MailRequest, mailRequest, type NewMailRequest } from './mail-request.ts'

/** What queueing needs to know; `Deps` fits. */
export interface MailQueueDeps {
  readonly keys: AuthKeys
  readonly mail: { readonly isOn: boolean }
}

/** Mails of one kind to one address, or to one user, in an hour; more are left out. */
const PER_HOUR = 5
/** Nobody but the user causes these, and whoever causes others must not keep them away. */
const NOTICES_PER_HOUR = 60

/**
 * The statement that asks for a mail, to run in the transaction of the request, which calls `deps.mail.wake()` after the commit. It does
 * the same work whether or not there is such an account and however many mails were asked for. While mail is off it does nothing.
 */
export function queueMail(tx: Tx, { keys, mail }: MailQueueDeps, request: NewMailRequest) {
  const id = uuidV7()
  const limit = request.kind === 'security_notice' ? NOTICES_PER_HOUR : PER_HOUR
  return tx`
    with counted as (
      insert into mail_counts as c (key, mails, since)
      select ${keys.index('mail', counterOf(request))}, 1, now() where ${mail.isOn}
      on conflict (key) do update set
        mails = case when c.since > now() - interval '1 hour' then c.mails + 1 else 1 end,
        since = case when c.since > now() - interval '1 hour' then c.since else now() end
      returning mails
    )
    insert into mail_queue (id, request_sealed)
    select ${id}, ${sealRequest(keys, id, request)} from counted where mails <= ${limit}`
}

function counterOf(request: NewMailRequest): string {
  return `${request.kind} ${'to' in request ? normalizeEmail(request.to) : request.userId}`
}

export function sealRequest(keys: AuthKeys, id: string, request: NewMailRequest): Buffer {
  return keys.credentials.seal(place(id), JSON.stringify(request))
}

export function openRequest(keys: AuthKeys, id: string, sealed: Uint8Array): MailRequest {
  return mailRequest.parse(JSON.parse(keys.credentials.open(place(id), sealed)))
}

/** A row belongs to no tenant: its address may have accounts in several, or in none. */
function place(id: string) {
  return { tenantId: PLATFORM_TENANT, recordId: id, field: 'mail' } as const
}

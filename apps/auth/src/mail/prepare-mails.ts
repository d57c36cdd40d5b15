import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { newToken, type TokenPurpose } from '../one-time-tokens/one-time-token.ts'
import { type MailAccount, selectMailAccount, selectMailAccounts } from './mail-account-repository.ts'
import type { MailOrigin, MailRequest } from './mail-request.ts'
import type { Mail } from '@memoric/service/mail/mail.ts'
import type { MailText, MailTexts, TokenOfTenant } from './mail-texts.ts'
import { storeRegistration } from './store-registration.ts'

/** What mails are made with. */
export interface MailSource {
  readonly keys: AuthKeys
  readonly events: EventFactory
  readonly texts: MailTexts
}

/** The mails that a request asks for, none when there is nobody to write to; and what is asked for from now on. */
export interface MadeMails {
  readonly mails: readonly Mail[]
  readonly next?: MailRequest
}

type Of<Kind extends MailRequest['kind']> = Extract<MailRequest, { kind: Kind }>

const MINUTES = { reset: 30, verification: 24 * 60, firstPassword: 7 * 24 * 60 } as const

/** Makes mails. What that changes in the database is kept even when they are not sent: the next attempt goes on from `next`. */
export async function prepareMails(tx: Tx, source: MailSource, request: MailRequest): Promise<MadeMails> {
  const { texts } = source
  switch (request.kind) {
    case 'password_reset':
      return passwordReset(tx, source, request)
    case 'email_verification':
      return emailVerification(tx, source, request)
    case 'registration': {
      const next = await storeRegistration(tx, source, request)
      return { next, ...(await prepareMails(tx, source, next)) }
    }
    case 'already_registered':
      return toEachAddress(source, await accountsOf(tx, source, request.to), () => texts.alreadyRegistered())
    case 'invitation':
      return { mails: [{ to: request.to, ...texts.invitation(request) }] }
    case 'new_member':
      return toEachAddress(source, await accountOf(tx, request), async ([account]) => {
        const [token] = await tokensFor(tx, source, [account], 'password_reset', MINUTES.firstPassword)
        return texts.newMember(token)
      })
    case 'security_notice':
      return toEachAddress(source, await accountOf(tx, request), ([account]) =>
        texts.securityNotice(tenantOf(source, account), request.text),
      )
  }
}

async function passwordReset(tx: Tx, source: MailSource, request: Of<'password_reset'>): Promise<MadeMails> {
  const accounts = await accountsOf(tx, source, request.to)
  if (!request.told) await tell(tx, source, accounts, 'auth.password.reset_requested', request)
  const made = await toEachAddress(source, accounts, async (own) =>
    source.texts.passwordReset(await tokensFor(tx, source, own, 'password_reset', MINUTES.reset)),
  )
  return { ...made, next: { ...request, told: true } }
}

async function emailVerification(tx: Tx, source: MailSource, request: Of<'email_verification'>): Promise<MadeMails> {
  const all = await accountsOf(tx, source, request.to)
  const accounts = all.filter(({ email_verified_at }) => email_verified_at === null)
  if (!request.told) await tell(tx, source, accounts, 'auth.email.verification_requested', request)
  const made = await toEachAddress(source, accounts, async (own) =>
    source.texts.emailVerification(await tokensFor(tx, source, own, 'email_verification', MINUTES.verification)),
  )
  return { ...made, next: { ...request, told: true } }
}

function accountsOf(tx: Tx, { keys }: MailSource, address: string) {
  return selectMailAccounts(tx, keys.emailIndex(address))
}

function accountOf(tx: Tx, { tenantId, userId }: { readonly tenantId: string; readonly userId: string }) {
  return selectMailAccount(tx, tenantId, userId)
}

/**
 * One mail to each address that the accounts have themselves, never to the one that was asked with: it could be somebody else's that
 * differs in what the index takes for the same.
 */
async function toEachAddress(
  { keys }: MailSource,
  accounts: readonly MailAccount[],
  write: (accounts: readonly [MailAccount, ...MailAccount[]]) => MailText | Promise<MailText>,
): Promise<MadeMails> {
  const addressOf = ({ tenant_id: tenantId, id, email_sealed: sealed }: MailAccount) =>
    keys.personal.open({ tenantId, recordId: id, field: 'email' }, sealed)
  const mails: Mail[] = []
  for (const [to, [first, ...others]] of Map.groupBy(accounts, addressOf)) {
    if (first !== undefined) mails.push({ to, ...(await write([first, ...others])) })
  }
  return { mails }
}

async function tokensFor(
  tx: Tx,
  source: MailSource,
  [first, ...others]: readonly [MailAccount, ...MailAccount[]],
  purpose: TokenPurpose,
  minutes: number,
): Promise<[TokenOfTenant, ...TokenOfTenant[]]> {
  const make = async (account: MailAccount) => {
    const token = await newToken(tx, account, purpose, minutes)
    return { ...tenantOf(source, account), token }
  }
  return [await make(first), ...(await Promise.all(others.map(make)))]
}

/** Whoever asked is not known to be the user. */
async function tell(
  tx: Tx,
  { events }: MailSource,
  accounts: readonly MailAccount[],
  type: 'auth.password.reset_requested' | 'auth.email.verification_requested',
  { origin, to }: { readonly origin: MailOrigin; readonly to: string },
): Promise<void> {
  if (accounts.length === 0) return
  const context = { ...origin, startedAt: performance.now() }
  const tellOne = ({ tenant_id, id }: MailAccount) =>
    // From a row of that tenant.
    events({ type, context, tenantId: tenant_id as TenantId, resourceId: id, statusCode: 202, email: to })
  await outboxInsert(tx, accounts.map(tellOne))
}

function tenantOf({ keys }: MailSource, { tenant_id: tenantId, tenant_name_sealed: sealed }: MailAccount) {
  return { tenantId, tenantName: keys.personal.open({ tenantId, recordId: tenantId, field: 'name' }, sealed) }
}

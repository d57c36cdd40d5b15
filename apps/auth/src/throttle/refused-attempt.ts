import { ERRORS, type ErrorCode } from '@memoric/contracts/error-codes.ts'
import { PLATFORM_TENANT, type TenantId } from '@memoric/contracts/ids.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import { type CountedAttempt, uncountAttempt } from './attempt-repository.ts'

/** Why an attempt to sign in is refused, and what the answer says of it. */
const ANSWERS = {
  throttled: 'sign_in_throttled',
  unknown_account: 'invalid_credentials',
  wrong_password: 'invalid_credentials',
  no_password: 'invalid_credentials',
  deactivated: 'invalid_credentials',
  totp_required: 'totp_required',
  wrong_code: 'invalid_code',
  used_code: 'invalid_code',
  tenant_suspended: 'tenant_suspended',
  sso_required: 'sso_required',
  address_not_allowed: 'address_not_allowed',
  email_not_verified: 'email_not_verified',
} as const satisfies Record<string, ErrorCode>

export type RefusalReason = keyof typeof ANSWERS

/** The error code that a refused caller gets. */
export function answerTo(reason: RefusalReason): ErrorCode {
  return ANSWERS[reason]
}

/** An account that an attempt was for, and why it did not open; without a user where nobody has the e-mail. */
export interface RefusedAccount {
  readonly tenantId: string
  readonly userId: string | null
  readonly reason: RefusalReason
}

/** The accounts of an attempt that is refused for one reason; the platform's tenant stands in for an account that does not exist. */
export function refusedFor(
  reason: RefusalReason,
  accounts: readonly { readonly tenant_id: string; readonly id: string }[],
): RefusedAccount[] {
  if (accounts.length === 0) return [{ tenantId: PLATFORM_TENANT, userId: null, reason }]
  return accounts.map(({ tenant_id: tenantId, id: userId }) => ({ tenantId, userId, reason }))
}

/** An attempt that is refused. */
export interface RefusedAttempt {
  readonly email: string
  readonly context: RequestContext
  readonly accounts: readonly RefusedAccount[]
  /** How many attempts the events stand for, where it is not one. */
  readonly attempts?: number
  /** An attempt that is taken back with it, since it was no failure. */
  readonly takenBack?: CountedAttempt | undefined
}

/** Writes an event into the log of every tenant concerned. One round trip. */
export async function tellRefusal(deps: Deps, refused: RefusedAttempt): Promise<void> {
  const { accounts, takenBack } = refused
  const events = accounts.map((account) => failed(deps, refused, account))
  await systemFlight<PromiseLike<unknown>[]>(deps.sql, (tx) => [
    ...(takenBack === undefined ? [] : uncountAttempt(tx, takenBack)),
    outboxInsert(tx, events),
  ])
  deps.relay.wake()
}

function failed(
  { events }: Pick<Deps, 'events'>,
  { email, context, attempts }: RefusedAttempt,
  { tenantId, userId, reason }: RefusedAccount,
): OutboxEvent {
  const code = ANSWERS[reason]
  return events({
    type: 'auth.login.failed',
    context,
    // From a row of that tenant.
    tenantId: tenantId as TenantId,
    resourceId: userId,
    statusCode: ERRORS[code].status,
    outcome: code === 'invalid_credentials' || code === 'invalid_code' ? 'failure' : 'denied',
    reason,
    email,
    ...(attempts !== undefined && { details: { attempts } }),
  })
}

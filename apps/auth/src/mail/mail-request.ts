import { caller } from '@memoric/contracts/caller.ts'
import { tenantId, userId } from '@memoric/contracts/ids.ts'
import { role } from '@memoric/contracts/permissions.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { z } from 'zod'

/** The request from which a mail comes: its events are written when it is known whom they concern. */
const origin = z.object({ caller, endpoint: z.string(), method: z.string() })
export type MailOrigin = z.infer<typeof origin>

/** By address: which accounts it has is found out when the mail is made. */
const byAddress = {
  to: z.string(),
  origin,
  /** Whether the events of the request are written already. */
  told: z.boolean().default(false),
}

/** By account: where the mail goes to is what the account says when it is made. */
const byUser = { tenantId, userId }

/** What a mail is asked for by; everything else is looked up when it is made. */
export const mailRequest = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('password_reset'), ...byAddress }),
  z.object({ kind: z.literal('email_verification'), ...byAddress }),
  z.object({
    kind: z.literal('registration'),
    to: z.string(),
    origin,
    tenantName: z.string(),
    displayName: z.string().optional(),
    passwordHash: z.string(),
  }),
  z.object({ kind: z.literal('already_registered'), to: z.string() }),
  z.object({
    kind: z.literal('invitation'),
    to: z.string(),
    token: z.string(),
    tenantName: z.string(),
    /** Name or address of the one who invites. */
    inviter: z.string().nullable(),
    role,
    expiresAt: z.iso.datetime(),
  }),
  z.object({ kind: z.literal('new_member'), ...byUser }),
  /** Tells a user of a change to the own account, in a sentence such as "Your password was changed." */
  z.object({ kind: z.literal('security_notice'), ...byUser, text: z.string() }),
])
export type MailRequest = z.output<typeof mailRequest>
export type NewMailRequest = z.input<typeof mailRequest>

/** What is kept of a request for the events that are written later. */
export function mailOrigin({ caller: by, endpoint, method }: RequestContext): MailOrigin {
  return { caller: by, endpoint, method }
}

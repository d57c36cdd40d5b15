import { askForMail } from '../mail/ask-for-mail.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'

/** Asks for another mail that proves an address. */
export function resendVerification(deps: Deps): Handler<'resendVerification'> {
  return async ({ body, context }) => {
    await askForMail(deps, 'email_verification', body.email, context)
    return { status: 202, body: {} }
  }
}

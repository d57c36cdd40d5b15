import { askForMail } from '../mail/ask-for-mail.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'

/** Asks for a mail with which a new password can be set. */
export function forgotPassword(deps: Deps): Handler<'forgotPassword'> {
  return async ({ body, context }) => {
    await askForMail(deps, 'password_reset', body.email, context)
    return { status: 202, body: {} }
  }
}

import type { Caller } from '@memoric/contracts/caller.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** A signed-in user and the session that asks. */
export interface SessionCaller {
  readonly userId: string
  readonly sessionId: string
}

/** Throws AppError `session_required` unless a user calls with a session: an API key has none to speak of. */
export function requireSession({ principal, sessionId }: Caller): SessionCaller {
  if (principal.type !== 'user' || sessionId === null) throw new AppError('session_required')
  return { userId: principal.id, sessionId }
}

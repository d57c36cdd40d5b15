import { AppError } from '@memoric/service/app-error.ts'
import type { LiveGrant } from '../authentication/live-grant.ts'

export interface WatchOptions {
  readonly grant: LiveGrant
  /** How often it is asked about again, ms. */
  readonly everyMs: number
  /** Resolves to the grant as it is now; throws AppError when the credential does not stand, or may not listen. */
  readonly ask: () => Promise<LiveGrant>
  readonly onEnded: () => void
}

/** Follows a credential for as long as something is open that it opened. */
export interface CredentialWatch {
  /** Asks at once: something may have ended. */
  check(): void
  close(): void
}

/** How often auth may be away in a row before a credential is not believed any more. */
const UNKNOWN_MAX = 3
const LONGEST_TIMER_MS = 2_147_483_647

export function watchCredential({ grant, everyMs, ask, onEnded }: WatchOptions): CredentialWatch {
  let unknown = 0
  let closed = false
  const interval = setInterval(check, everyMs)
  let expiry = expireAt(grant.expiresAt)

  function expireAt(instant: number): NodeJS.Timeout {
    return setTimeout(check, Math.min(Math.max(0, instant - Date.now()) + 1, LONGEST_TIMER_MS))
  }

  function check(): void {
    ask().then(stands, fails)
  }

  function stands({ expiresAt }: LiveGrant): void {
    unknown = 0
    clearTimeout(expiry)
    if (!closed) expiry = expireAt(expiresAt)
  }

  function fails(error: unknown): void {
    unknown += 1
    const isAnswer = error instanceof AppError && error.status < 500
    if (!closed && (isAnswer || unknown >= UNKNOWN_MAX)) onEnded()
  }

  return {
    check,
    close() {
      closed = true
      clearInterval(interval)
      clearTimeout(expiry)
    },
  }
}

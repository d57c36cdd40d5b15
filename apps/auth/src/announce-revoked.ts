import type { Revocation } from '@memoric/contracts/signals.ts'
import { REVOKED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { publishSignal } from '@memoric/messaging/signals.ts'
import type { Deps } from './deps.ts'

/** Tells every gateway that these sessions or API keys have ended; while NATS is away, their caches end by age. */
export function announceRevoked({ messaging, log }: Pick<Deps, 'messaging' | 'log'>, ids: string[]): void {
  const revocation: Revocation = { ids }
  if (!publishSignal(messaging, REVOKED_SUBJECT, revocation)) {
    log.warn({ ids }, 'NATS is away: gateways learn of a revocation when their caches expire')
  }
}

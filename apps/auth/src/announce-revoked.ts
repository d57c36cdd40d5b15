import type { Revocation } from '@memoric/contracts/signals.ts'
import { REVOKED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { publishSignal } from '@memoric/messaging/signals.ts'
import type { Deps } from './deps.ts'

/** Ids in one message, which NATS lets be 1 MB. */
const AT_ONCE = 10_000

/**
 * Tells every gateway that what is known under these ids has ended or changed: sessions, API keys, users or tenants. While NATS is
 * away, their caches end by age. No ids, no signal.
 */
export function announceRevoked({ messaging, log }: Pick<Deps, 'messaging' | 'log'>, ids: readonly string[]): void {
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const revocation: Revocation = { ids: ids.slice(at, at + AT_ONCE) }
    if (!publishSignal(messaging, REVOKED_SUBJECT, revocation)) {
      log.warn({ ids: revocation.ids }, 'NATS is away: gateways learn of a revocation when their caches expire')
    }
  }
}

import type { signingKeysChanged } from '@memoric/contracts/signals.ts'
import { SIGNING_KEYS_SUBJECT } from '@memoric/contracts/subjects.ts'
import { publishSignal } from '@memoric/messaging/signals.ts'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'

/** Tells gateways and the other processes of auth that the published keys are these now. While NATS is away they find out by looking. */
export function announceSigningKeys({ messaging, log }: Pick<Deps, 'messaging' | 'log'>, kids: string[]): void {
  const changed: z.infer<typeof signingKeysChanged> = { kids }
  if (!publishSignal(messaging, SIGNING_KEYS_SUBJECT, changed)) {
    log.warn({ kids }, 'NATS is away: others learn of the signing keys within a minute')
  }
}

import { revocation } from '@memoric/contracts/signals.ts'
import { REVOKED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { onSignal } from '@memoric/messaging/signals.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { afterAll, beforeAll } from 'vitest'
import type { TestAuth } from './use-auth.ts'

/** Ids that a gateway has heard to be revoked, from `beforeAll` on. */
export function useRevokedIds({ nats }: TestAuth): readonly string[] {
  const heard: string[] = []
  let messaging: Messaging | undefined
  beforeAll(async () => {
    const log = createLogger({ app: 'gateway', level: 'silent' })
    const { servers, user, pass } = nats.login('gateway')
    messaging = connectMessaging({ servers, user, pass, name: 'gateway', log })
    onSignal(messaging, REVOKED_SUBJECT, (signal) => heard.push(...revocation.parse(signal).ids))
    const connection = await messaging.connected()
    await connection.flush()
  })
  afterAll(() => messaging?.close())
  return heard
}

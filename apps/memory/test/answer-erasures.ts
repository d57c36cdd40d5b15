import { type ErasePerson, erasePerson } from '@memoric/contracts/signals.ts'
import { ERASE_PERSON_SUBJECT, PERSON_ERASED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, publishSignal } from '@memoric/messaging/signals.ts'
import { createLogger } from '@memoric/service/logger.ts'
import type { TestNats } from '@memoric/testkit/use-nats.ts'
import { afterAll, beforeAll } from 'vitest'

/** The other end of the questions to the log, with the permissions of audit. */
export interface LogEnd {
  /** What was asked, repeats included. */
  readonly asked: ErasePerson[]
  /** Whether it answers. */
  isThere: boolean
  /** Whether a legal hold keeps the key. */
  isHeld: boolean
}

/** Answers that one key was destroyed, while `isThere`. */
export function useLogEnd(nats: TestNats): LogEnd {
  const end: LogEnd = { asked: [], isThere: true, isHeld: false }
  let messaging: Messaging | undefined
  beforeAll(async () => {
    const log = createLogger({ app: 'audit', level: 'silent' })
    const there = connectMessaging({
      servers: nats.url,
      user: 'audit',
      pass: nats.password('audit'),
      name: 'the log',
      log,
    })
    messaging = there
    onSignal(there, ERASE_PERSON_SUBJECT, (signal) => {
      const { erasureId, tenantId, ...rest } = erasePerson.parse(signal)
      end.asked.push({ erasureId, tenantId, ...rest })
      if (end.isThere) publishSignal(there, PERSON_ERASED_SUBJECT, { erasureId, tenantId, keys: 1, held: end.isHeld })
    })
    await (await there.connected()).flush()
  })
  afterAll(() => messaging?.close())
  return end
}

import { event, type MemoricEvent } from '@memoric/contracts/event.ts'
import { confirmedSubject, EVENT_STREAM } from '@memoric/contracts/subjects.ts'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { consumeBatches } from '@memoric/messaging/consume.ts'
import { publishSignal } from '@memoric/messaging/signals.ts'
import { ensureStreams } from '@memoric/messaging/streams.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
let audit: Messaging

beforeAll(async () => {
  const { servers, user, pass } = auth.nats.login('audit')
  audit = connectMessaging({ servers, user, pass, name: 'audit', log: createLogger({ app: 'audit', level: 'silent' }) })
  await ensureStreams(await audit.connected())
})
afterAll(() => audit.close())

test('events reach the stream, and leave the outbox once audit has confirmed them', async () => {
  const received: MemoricEvent[] = []
  const consumer = consumeBatches({
    messaging: audit,
    stream: EVENT_STREAM,
    durable: 'audit',
    gatherMs: 5,
    isTransient: () => false,
    handle(messages) {
      received.push(...messages.map((message) => event.parse(JSON.parse(message.string()))))
      return Promise.resolve(messages.map(() => 'ack' as const))
    },
  })
  const owner = await signUp(auth)
  await expect
    .poll(() => received.map(({ type, tenantid }) => [type, tenantid]), { timeout: 10_000 })
    .toContainEqual(['auth.registered', owner.tenantId])
  const waiting = () => auth.admin`select event_id from outbox`
  expect(await waiting()).not.toHaveLength(0)
  publishSignal(audit, confirmedSubject('auth'), { ids: received.map(({ id }) => id) })
  await expect.poll(waiting).toHaveLength(0)
  await consumer.close()
})

import { setTimeout as sleep } from 'node:timers/promises'
import { consumeEvents } from '@memoric/app-audit/log/audit-consumer.ts'
import { confirmedSubject } from '@memoric/contracts/subjects.ts'
import { createEventPublisher } from '@memoric/messaging/publish.ts'
import { onSignal } from '@memoric/messaging/signals.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { type AuditRow, percentile, spread } from './audit-row.ts'
import type { AuditBench } from './open-audit-bench.ts'
import { publishEvents } from './publish-events.ts'

const RATE = 2_000
const TICK_MS = 25
const PATIENCE_MS = 30_000
const LIMIT_MS = 1_000

/** How long after an event was published its producer hears that it is in the log, while 2,000 are published a second. */
export async function measureLag(
  bench: AuditBench,
  make: (count: number) => OutboxEvent[],
  seconds: number,
): Promise<AuditRow> {
  const { consumer: messaging, producer, intake } = bench
  const [sentAt, lags] = [new Map<string, number>(), [] as number[]]
  const stop = onSignal(producer, confirmedSubject('memory'), (value) => {
    const now = performance.now()
    for (const id of (value as { ids: string[] }).ids) {
      const sent = sentAt.get(id)
      if (sent !== undefined) lags.push(now - sent)
    }
  })
  const consumer = consumeEvents({ ...intake, messaging })
  const begin = performance.now()
  const total = RATE * seconds
  await publishSteadily(bench, make, total, sentAt)
  const rate = (total * 1000) / (performance.now() - begin)
  const deadline = performance.now() + PATIENCE_MS
  while (lags.length < total && performance.now() < deadline) await sleep(10)
  await consumer.close()
  stop()
  if (lags.length < total) throw new Error(`${total - lags.length} events were not confirmed`)
  return {
    what: `published to confirmed, at ${Math.round(rate)} events/s for ${seconds} s`,
    seen: spread(lags, 99),
    budget: `p99 < ${LIMIT_MS} ms at ${RATE}/s`,
    kept: rate >= RATE * 0.95 ? percentile(lags, 0.99) < LIMIT_MS : undefined,
  }
}

async function publishSteadily(
  { producer }: AuditBench,
  make: (count: number) => OutboxEvent[],
  total: number,
  sentAt: Map<string, number>,
): Promise<void> {
  const publisher = createEventPublisher(producer)
  await producer.connected()
  const begin = performance.now()
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - begin) * RATE) / 1000))
    const events = make(due - sent)
    for (const { eventId } of events) sentAt.set(eventId, performance.now())
    if (events.length > 0) await publishEvents(publisher, events)
    sent = due
    await sleep(TICK_MS)
  }
}

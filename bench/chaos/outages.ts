import { setTimeout as sleep } from 'node:timers/promises'
import { connectMessaging } from '@memoric/messaging/connect.ts'
import { ensureStreams } from '@memoric/messaging/streams.ts'
import { createLogger } from '@memoric/service/logger.ts'
import type { ChaosStack, Victim } from './chaos-stack.ts'

/** A server is killed and stays away for `ms`. */
export async function keepAway(stack: ChaosStack, victim: Victim, ms: number, signal: AbortSignal): Promise<void> {
  const release = stack.hold(victim)
  const before = await stack.kill(victim)
  await sleep(ms, undefined, { signal }).finally(release)
  await stack.isBack(victim, before)
}

/** The stream of events is full for `ms`: NATS takes no event, and everything else goes on. */
export async function fillStream({ credentials }: ChaosStack, ms: number, signal: AbortSignal): Promise<void> {
  const { username: user, password: pass, host } = new URL(credentials.nats_url)
  const log = createLogger({ app: 'chaos', level: 'silent' })
  const messaging = connectMessaging({ servers: `nats://${host}`, user, pass, name: 'chaos', log })
  try {
    await ensureStreams(await messaging.connected(), { eventBytes: 1 })
    await sleep(ms, undefined, { signal }).finally(async () => ensureStreams(await messaging.connected()))
  } finally {
    await messaging.close()
  }
}

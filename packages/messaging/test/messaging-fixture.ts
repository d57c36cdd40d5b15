import type { NatsUser } from '@memoric/local/nats-config.ts'
import { afterEach, vi } from 'vitest'
import { connectMessaging, type Messaging } from '../src/connect.ts'

interface Server {
  readonly url: string
  password: (user: NatsUser) => string
}

export const silentLog = () => ({ info: vi.fn(), warn: vi.fn(), error: vi.fn() })

/** Connects as a user; closed after the test. */
export function useMessaging() {
  const open: { close: () => Promise<void> }[] = []
  afterEach(async () => {
    for (const item of open.splice(0).reverse()) await item.close()
  })
  return {
    connect: (server: Server, user: NatsUser): Messaging => {
      const messaging = connectMessaging({
        servers: server.url,
        user,
        pass: server.password(user),
        name: `test-${user}`,
        log: silentLog(),
      })
      open.push({ close: () => messaging.close() })
      return messaging
    },
    /** Closes something before the connections that were opened earlier. */
    closeLater: <T extends { close: () => Promise<void> }>(item: T): T => {
      open.push(item)
      return item
    },
  }
}

export const waitUntil = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 20_000, interval: 10 })

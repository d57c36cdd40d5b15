import type { NatsUser } from '@memoric/local/nats-config.ts'
import { afterAll, beforeAll } from 'vitest'
import { type NatsLogin, type OwnNats, startOwnNats } from './start-own-nats.ts'

/** The NATS of a test file. Its members can be used from `beforeAll` on. */
export interface TestNats {
  readonly url: string
  /** Options for `connect`, with the real permissions of this user. */
  login(user: NatsUser): NatsLogin
  password(user: NatsUser): string
}

/**
 * Gives the test file a NATS server with JetStream, the real configuration and no streams. (A server of its own costs 30 ms and
 * runs the very users and permissions of production; accounts in a shared one would need renamed users.)
 */
export function useNats(): TestNats {
  let server: OwnNats | undefined
  const started = () => {
    if (server === undefined) throw new Error('useNats: the server runs from beforeAll on')
    return server
  }
  beforeAll(async () => {
    server = await startOwnNats()
  })
  afterAll(async () => {
    await server?.remove()
  })
  return {
    get url() {
      return started().url
    },
    login: (user) => started().login(user),
    password: (user) => started().password(user),
  }
}

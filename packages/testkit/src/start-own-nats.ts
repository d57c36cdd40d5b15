import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@memoric/local/free-port.ts'
import { natsConfigFile, natsPasswordVariables, type NatsUser } from '@memoric/local/nats-config.ts'
import { type RunningNats, startNats } from '@memoric/local/start-nats.ts'
import { inject } from 'vitest'
import { randomNatsPasswords } from './server-settings.ts'

/** What a client needs to sign in. */
export interface NatsLogin {
  servers: string
  user: NatsUser
  pass: string
  inboxPrefix: string
}

/** A NATS server of the caller's own, with the real configuration and permissions. */
export interface OwnNats {
  url: string
  port: number
  /** JetStream's files. */
  storeDir: string
  /** Lines that it logged. */
  log: readonly string[]
  /** Options for `connect`. */
  login(user: NatsUser): NatsLogin
  password(user: NatsUser): string
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port and store, after `kill` or `stop`. */
  start(): Promise<void>
  /** SIGSTOP: the connections stay open and nothing answers. */
  suspend(): void
  resume(): void
  /** Stops it gracefully; `start` brings it back. */
  stop(): Promise<void>
  /** Stops it and removes its files. */
  remove(): Promise<void>
}

/** Starts a NATS server that only this test uses (takes about 30 ms). The caller removes it. */
export async function startOwnNats(): Promise<OwnNats> {
  const storeDir = await mkdtemp(join(tmpdir(), 'memoric-test-nats-'))
  const passwords = randomNatsPasswords()
  const port = await freePort()
  const program = inject('natsServerProgram')
  const env = natsPasswordVariables(passwords)
  const lines: string[] = []
  const log = (line: string) => void lines.push(line)
  const boot = () => startNats({ program, configFile: natsConfigFile, storeDir, port, env, log })
  let server: RunningNats = await boot()
  const { url } = server
  const login = (user: NatsUser) => ({ servers: url, user, pass: passwords[user], inboxPrefix: `_INBOX_${user}` })
  return {
    url,
    port,
    storeDir,
    log: lines,
    login,
    password: (user) => passwords[user],
    async kill() {
      server.signal('SIGKILL')
      await server.exited
    },
    async start() {
      server = await boot()
    },
    suspend: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: () => server.stop(),
    async remove() {
      server.signal('SIGKILL')
      await server.exited
      await rm(storeDir, { recursive: true, force: true })
    },
  }
}

import { randomBytes } from 'node:crypto'
import type { NatsUser } from '@memoric/local/nats-config.ts'

/** PostgreSQL for tests: nothing has to survive a power cut, so nothing waits for the disk. */
export const testSettings: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '300',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  autovacuum_naptime: '1h',
  log_min_messages: 'fatal',
}

/** A password that may stand in a URL and in a NATS configuration: letters and digits, a letter first. */
export function randomPassword(): string {
  return `p${randomBytes(16).toString('hex')}`
}

/** A new password for every NATS user. */
export function randomNatsPasswords(): Record<NatsUser, string> {
  const password = randomPassword
  return { audit: password(), auth: password(), memory: password(), gateway: password(), admin: password() }
}

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createActorKeys } from '@memoric/app-audit/personal/actor-keys.ts'
import type { ConsumerDeps } from '@memoric/app-audit/log/audit-consumer.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { findNatsServer } from '@memoric/local/find-nats-server.ts'
import { natsConfigFile, natsPasswordVariables } from '@memoric/local/nats-config.ts'
import { startNats } from '@memoric/local/start-nats.ts'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { prepareDatabases } from '@memoric/postgres/prepare-database.ts'
import { createEventFactory } from '@memoric/service/event-factory.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { randomNatsPasswords } from '@memoric/testkit/server-settings.ts'
import { startOwnPostgres } from '@memoric/testkit/start-own-postgres.ts'
import { readProcesses } from '../measure/process-tree.ts'

/** An audit database and a NATS server of the benchmark's own. */
export interface AuditBench {
  readonly sql: Sql
  /** Superuser. */
  readonly admin: Sql
  readonly intake: Omit<ConsumerDeps, 'messaging'>
  readonly consumer: Messaging
  readonly producer: Messaging
  /** Process ids of PostgreSQL and NATS. */
  readonly servers: readonly number[]
  close(): Promise<void>
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const PASSWORD = 'of-a-benchmark'
/** A million lines take their time. */
const PATIENCE_MS = 900_000

export async function openAuditBench(personalDataKey: Uint8Array): Promise<AuditBench> {
  const folder = await mkdtemp(join(tmpdir(), 'memoric-bench-audit-'))
  // As a production server would: it waits for the disk.
  const postgres = await startOwnPostgres({
    fsync: 'on',
    full_page_writes: 'on',
    shared_buffers: '256MB',
    autovacuum_naptime: '1min',
  })
  await prepareDatabases({
    adminUrl: postgres.adminUrl,
    databases: [
      {
        name: 'memoric_audit',
        app: 'audit',
        appPassword: PASSWORD,
        migrationsDirectory: `${root}apps/audit/migrations`,
      },
    ],
  })
  const url = Object.assign(new URL(postgres.url('memoric_audit')), {
    username: 'memoric_audit',
    password: PASSWORD,
  }).href
  const sql = createClient({ url })
  const admin = createClient({
    url: postgres.url('memoric_audit'),
    statementTimeoutMs: PATIENCE_MS,
    transactionTimeoutMs: PATIENCE_MS,
  })
  const passwords = randomNatsPasswords()
  const program = await findNatsServer(join(root, 'node_modules/.cache/memoric-testkit'), () => undefined)
  const nats = await startNats({
    program,
    configFile: natsConfigFile,
    storeDir: join(folder, 'nats'),
    port: 0,
    env: natsPasswordVariables(passwords),
  })
  const log = createLogger({ app: 'audit', level: 'silent' })
  const connect = (user: 'audit' | 'memory') =>
    connectMessaging({ servers: nats.url, user, pass: passwords[user], name: `bench-${user}`, log })
  const [consumer, producer] = [connect('audit'), connect('memory')]
  return {
    sql,
    admin,
    intake: {
      sql,
      actorKeys: createActorKeys(createSealingKey(1, randomBytes(32))),
      personalDataKey: createSealingKey(1, personalDataKey),
      credentials: createSealingKey(1, randomBytes(32)),
      events: createEventFactory({ app: 'audit', personalDataKey: createSealingKey(1, personalDataKey) }),
      wakeRelay: () => undefined,
      now: Date.now,
      deadLetterDays: 90,
    },
    consumer,
    producer,
    servers: (readProcesses() ?? []).filter(({ parent }) => parent === process.pid).map(({ pid }) => pid),
    async close() {
      await Promise.all([consumer.close(), producer.close()])
      await Promise.all([sql.end(), admin.end()])
      await nats.stop()
      await postgres.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

import { randomBytes } from 'node:crypto'
import { createSealingKey, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { createLogger } from '@memoric/service/logger.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect } from 'vitest'
import { type CheckpointKeys, ensureCheckpointKeys } from '../src/checkpoints/checkpoint-keys.ts'
import { type Checkpointer, createCheckpointer } from '../src/checkpoints/checkpointer.ts'
import { takeIn, type TakeInDeps } from '../src/log/take-in.ts'
import { createActorKeys } from '../src/personal/actor-keys.ts'
import { exportWholeLog } from '../src/proofs/export-whole-log.ts'
import { appUrl, OWNER_ROLE, useAuditDatabase } from './audit-database.ts'
import { personalDataSecret } from './make-event.ts'

export const ORIGIN = 'audit.test/log'

/** A log in a database of its own, without HTTP and NATS. */
export interface TestLog {
  readonly sql: Sql
  readonly owner: postgres.Sql
  /** Superuser whom no trigger and no row security stops. */
  readonly attacker: postgres.Sql
  readonly intake: TakeInDeps
  readonly credentials: SealingKey
  readonly keys: CheckpointKeys
  readonly checkpointer: Checkpointer
  append(...events: readonly OutboxEvent[]): Promise<void>
  /** The whole log under a checkpoint of now, as lines of NDJSON. */
  export(): Promise<string[]>
}

/** The members are there once the tests begin. */
export function useLog(): TestLog {
  const database = useAuditDatabase()
  const log = {} as { -readonly [K in keyof TestLog]: TestLog[K] }
  beforeAll(async () => {
    log.sql = createClient({ url: appUrl(database.adminUrl) })
    const quiet = { max: 1, onnotice: () => undefined }
    log.owner = postgres(database.adminUrl, { ...quiet, connection: { role: OWNER_ROLE } })
    log.attacker = postgres(database.adminUrl, { ...quiet, connection: { session_replication_role: 'replica' } })
    log.credentials = createSealingKey(1, randomBytes(32))
    log.keys = await ensureCheckpointKeys(log.sql, log.credentials, ORIGIN)
    log.checkpointer = createCheckpointer({
      sql: log.sql,
      credentials: log.credentials,
      keys: log.keys,
      log: createLogger({ app: 'audit', level: 'silent' }),
    })
    log.intake = {
      sql: log.sql,
      actorKeys: createActorKeys(createSealingKey(1, randomBytes(32))),
      personalDataKey: createSealingKey(1, personalDataSecret),
      now: Date.now,
    }
  })
  afterAll(async () => {
    await log.checkpointer.close()
    await Promise.all([log.sql.end(), log.owner.end(), log.attacker.end()])
  })
  log.append = async (...events) => {
    const deliveries = events.map(({ subject, payload }) => ({ subject, data: Buffer.from(payload) }))
    expect((await takeIn(log.intake, deliveries)).rejected).toEqual([])
  }
  log.export = async () => {
    await log.checkpointer.sign()
    const lines: string[] = []
    for await (const line of exportWholeLog(log.sql)) lines.push(line)
    return lines
  }
  return log
}

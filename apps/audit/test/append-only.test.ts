import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { randomBytes } from 'node:crypto'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { systemTransaction, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureCheckpointKeys } from '../src/checkpoints/checkpoint-keys.ts'
import { insertCosignature } from '../src/checkpoints/checkpoint-repository.ts'
import { signCheckpoint } from '../src/checkpoints/sign-checkpoint.ts'
import type { LogEntry } from '../src/log/append-batch.ts'
import { ensurePartitions } from '../src/log/log-partitions.ts'
import { appendEvents } from '../src/log/log-repository.ts'
import { appUrl, OWNER_ROLE, useAuditDatabase } from './audit-database.ts'

const database = useAuditDatabase()
const tenantId = '0198c0de-0000-7000-8000-00000000000a'
let app: Sql
let owner: postgres.Sql
let admin: postgres.Sql

beforeAll(async () => {
  app = createClient({ url: appUrl(database.adminUrl) })
  owner = postgres(database.adminUrl, { max: 1, connection: { role: OWNER_ROLE }, onnotice: () => undefined })
  admin = postgres(database.adminUrl, { max: 1, onnotice: () => undefined })
  await appendEvents(app, [{ entry: entry(uuidV7()), personal: null }], new Date())
  await appendEvents(app, [{ entry: entry('7fffffff-ffff-7000-8000-000000000000'), personal: null }], new Date())
})
afterAll(() => Promise.all([app.end(), owner.end(), admin.end()]))

function entry(eventId: string): LogEntry {
  return {
    eventId,
    tenantId,
    occurredAt: new Date(),
    source: 'memoric/memory',
    actorType: 'user',
    actorId: 'u',
    operation: 'memory.created',
    resourceType: 'memory',
    resourceId: 'm',
    outcome: 'success',
    reason: null,
    endpoint: null,
    method: null,
    statusCode: 201,
    durationMs: 1.5,
    requestId: null,
    details: '{}',
  }
}

async function tables(): Promise<string[]> {
  const rows = await admin<{ name: string }[]>`
    select relid::regclass::text as name from pg_partition_tree('audit_logs') order by 1`
  return rows.map(({ name }) => name)
}

async function count(): Promise<number> {
  const [row] = await admin<{ count: number }[]>`select count(*)::int from audit_logs`
  return row!.count
}

const CHANGES = [
  (table: string) => `update ${table} set outcome = 'success'`,
  (table: string) => `delete from ${table}`,
  (table: string) => `truncate ${table}`,
]

const FORBIDDEN_TO_APP = [
  ...CHANGES,
  (table: string) => `drop table ${table}`,
  (table: string) => `alter table ${table} disable trigger all`,
  (table: string) => `alter table ${table} no force row level security`,
  (table: string) => `create trigger t before insert on ${table} execute function refuse_change()`,
]

describe('what is in the log stays as it is', () => {
  test('the lines are spread over the partition of their month and the default one', async () => {
    const rows = await admin`select count(*)::int from audit_logs group by tableoid`
    expect(rows).toEqual([{ count: 1 }, { count: 1 }])
  })

  test('the role of the service is refused to change, empty or drop the log or any partition of it', async () => {
    for (const table of await tables()) {
      for (const statement of FORBIDDEN_TO_APP) {
        const attempt = systemTransaction(app, (tx) => tx.unsafe(statement(table)))
        await expect(attempt, statement(table)).rejects.toMatchObject({ code: '42501' })
      }
    }
    expect(await count()).toBe(2)
  })

  test('the role of the service cannot read or write a partition directly', async () => {
    for (const table of (await tables()).filter((name) => name !== 'audit_logs')) {
      await expect(systemTransaction(app, (tx) => tx.unsafe(`select * from ${table}`))).rejects.toThrow(
        'permission denied',
      )
      await expect(systemTransaction(app, (tx) => tx.unsafe(`insert into ${table} default values`))).rejects.toThrow(
        'permission denied',
      )
    }
  })

  test('the role of the service cannot turn triggers off or become the owner', async () => {
    await expect(systemTransaction(app, (tx) => tx`set session_replication_role = replica`)).rejects.toThrow('denied')
    await expect(systemTransaction(app, (tx) => tx.unsafe(`set role ${OWNER_ROLE}`))).rejects.toThrow('denied')
  })

  test('even the owner is refused by triggers, on the log and on each partition', async () => {
    for (const table of await tables()) {
      for (const statement of CHANGES) {
        await expect(owner.unsafe(statement(table)), statement(table)).rejects.toThrow('append-only')
      }
    }
    expect(await count()).toBe(2)
  })

  test('a superuser who is not aware of it is refused as well', async () => {
    await expect(admin`delete from audit_logs`).rejects.toThrow('append-only')
    await expect(admin`truncate audit_logs_default`).rejects.toThrow('append-only')
  })

  test('the counters cannot go back or be removed', async () => {
    const attempt = (statement: string) => systemTransaction(app, (tx) => tx.unsafe(statement))
    await expect(attempt('update log_state set size = 0')).rejects.toThrow('go back')
    await expect(attempt('update tenant_logs set last_seq = 1')).rejects.toThrow('go back')
    await expect(attempt('delete from log_state')).rejects.toThrow('denied')
    await expect(attempt('delete from tenant_logs')).rejects.toThrow('denied')
  })

  test('a tenant cannot write into the log', async () => {
    const statement = `insert into audit_logs select * from audit_logs`
    const attempt = app.begin((tx) => [
      tx`select set_config('memoric.tenant_id', ${tenantId}, true)`,
      tx.unsafe(statement),
    ])
    await expect(attempt).rejects.toThrow('row-level security')
  })
})

describe('the tree, the checkpoints and what retention dropped stay as they are', () => {
  const FINAL = ['checkpoints', 'cosignatures', 'checkpoint_keys', 'retention_runs']
  const asApp = (statement: string) => systemTransaction(app, (tx) => tx.unsafe(statement))

  beforeAll(async () => {
    const credentials = createSealingKey(1, randomBytes(32))
    const keys = await ensureCheckpointKeys(app, credentials, 'audit.test/log')
    const signed = await systemTransaction(app, (tx) => signCheckpoint(tx, keys, undefined, new Date()))
    const cosignature = { size: signed!.size, witness: 'witness', line: 'line' }
    await systemTransaction(app, async (tx) => insertCosignature(tx, cosignature, new Date()))
    await admin`
      insert into retention_runs (partition, tenant_id, lines, first_index, last_index, sequences, tree_size)
      values ('audit_logs_2020_01', ${tenantId}, 1, 0, 0, '{[1,2)}', 1)`
  })

  test('the role of the service is refused to change, empty or drop any of it', async () => {
    for (const table of [...FINAL, 'log_tiles']) {
      const statements = [
        `delete from ${table}`,
        `truncate ${table}`,
        `drop table ${table}`,
        `alter table ${table} disable trigger all`,
      ]
      for (const statement of statements) {
        await expect(asApp(statement), statement).rejects.toMatchObject({ code: '42501' })
      }
    }
    for (const [table, column] of [
      ['checkpoints', 'note'],
      ['cosignatures', 'line'],
      ['checkpoint_keys', 'sealed'],
      ['retention_runs', 'lines'],
      ['log_tiles', 'tile'],
    ]) {
      await expect(asApp(`update ${table} set ${column} = ${column}`), table).rejects.toMatchObject({ code: '42501' })
    }
  })

  test('the service cannot say that retention dropped what it did not, or give a month up before its time', async () => {
    await expect(asApp('insert into retention_runs select * from retention_runs')).rejects.toMatchObject({
      code: '42501',
    })
    await expect(asApp('select * from drop_expired_partitions(0)')).rejects.toThrow('180 days')
    expect(await asApp('select * from drop_expired_partitions(180)')).toEqual([])
    await expect(asApp("select protect_partition('audit_logs_default')")).rejects.toMatchObject({ code: '42501' })
  })

  test('even the owner and a superuser who are not aware of it are refused by triggers', async () => {
    for (const session of [owner, admin]) {
      for (const table of FINAL) {
        for (const statement of [`delete from ${table}`, `truncate ${table} cascade`]) {
          await expect(session.unsafe(statement), statement).rejects.toThrow('append-only')
        }
      }
      await expect(session`update checkpoints set note = ''`).rejects.toThrow('append-only')
      await expect(session`delete from log_tiles`).rejects.toThrow('append-only')
      await expect(session`truncate log_tiles`).rejects.toThrow('append-only')
    }
  })

  test('a tile may grow at its end and never change', async () => {
    const grow = (hashes: string) => asApp(`update log_tiles set hashes = ${hashes} where level = 0 and tile = 0`)
    await expect(grow(`'\\x${'00'.repeat(64)}'`)).rejects.toThrow('change a hash')
    await expect(grow('substring(hashes from 1 for 32)')).rejects.toThrow('change a hash')
    await expect(grow(`hashes || '\\x00'`)).rejects.toThrow('log_tiles_hashes_check')
    await expect(asApp('update log_state set tree_size = 0')).rejects.toThrow('go back')
  })

  test('a tenant sees nothing of it but what retention dropped of its own', async () => {
    const scope = (id: string) => ({ tenantId: id, subjects: '*', namespaces: '*' }) as const
    const count = (id: string, table: string) =>
      tenantTransaction(app, scope(id), (tx) => tx.unsafe(`select from ${table}`))
    for (const table of ['log_tiles', 'checkpoints', 'cosignatures', 'checkpoint_keys', 'log_state']) {
      expect(await count(tenantId, table), table).toHaveLength(0)
    }
    expect(await count(tenantId, 'retention_runs')).toHaveLength(1)
    expect(await count('0198c0de-0000-7000-8000-00000000000b', 'retention_runs')).toHaveLength(0)
  })
})

describe('partitions', () => {
  test('are made ahead with the same protection, once', async () => {
    const before = await tables()
    expect(await ensurePartitions(app, 5)).toBe(2)
    expect(await ensurePartitions(app, 5)).toBe(0)
    const fresh = (await tables()).filter((name) => !before.includes(name))
    expect(fresh).toHaveLength(2)
    for (const table of fresh) await expect(owner.unsafe(`truncate ${table}`)).rejects.toThrow('append-only')
    const [open] = await admin`
      select count(*)::int from pg_partition_tree('audit_logs') join pg_class on oid = relid
      where not relrowsecurity or not relforcerowsecurity`
    expect(open).toEqual({ count: 0 })
  })

  test('two processes may make them at the same time', async () => {
    const made = await Promise.all([ensurePartitions(app, 9), ensurePartitions(app, 9), ensurePartitions(app, 9)])
    expect(made.toSorted()).toEqual([0, 0, 4])
  })

  test('a month with lines in the default partition stays there, the others are made', async () => {
    const ahead = new Date()
    ahead.setUTCMonth(ahead.getUTCMonth() + 11, 15)
    const time = ahead.getTime().toString(16).padStart(12, '0')
    const id = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
    await appendEvents(app, [{ entry: entry(id), personal: null }], new Date())
    expect(await ensurePartitions(app, 12)).toBe(2)
    const [row] = await admin`select tableoid::regclass::text as name from audit_logs where event_id = ${id}`
    expect(row).toEqual({ name: 'audit_logs_default' })
  })
})

test('no function of the database can be led to another object than its own by what stands in public', async () => {
  const rows = await admin<{ name: string }[]>`
    select proname as name from pg_proc
    where pronamespace in ('public'::regnamespace, 'memoric'::regnamespace)
      and not coalesce(array_to_string(proconfig, ' '), '') ~ 'search_path=pg_catalog'
      and (prosecdef or prolang = (select oid from pg_language where lanname = 'plpgsql'))`
  expect(rows).toEqual([])
})

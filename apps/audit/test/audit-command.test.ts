import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@memoric/postgres/client.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { createCloser } from '@memoric/service/closer.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { runVerifier } from '@memoric/verifier/verify-command.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCheckpoints } from '../src/checkpoints/open-checkpoints.ts'
import { auditConfig } from '../src/config.ts'
import { openAuditKeys } from '../src/keys/audit-keys.ts'
import { takeIn } from '../src/log/take-in.ts'
import { runAuditCommand } from '../src/operator/run-audit-command.ts'
import { createActorKeys } from '../src/personal/actor-keys.ts'
import { createPersonalDataKey } from '@memoric/service/event-factory.ts'
import { appUrl, useAuditDatabase } from './audit-database.ts'
import { auditEnvironment } from './audit-environment.ts'
import { makeEvent, TENANT_A, TENANT_B } from './make-event.ts'

const database = useAuditDatabase()
let env: Record<string, string>
let admin: postgres.Sql
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memoric-audit-command-'))
  admin = postgres(database.adminUrl, { max: 1, connection: { session_replication_role: 'replica' } })
  const nats = { url: 'nats://127.0.0.1:1', password: () => 'none' }
  env = auditEnvironment({ adminUrl: database.adminUrl, nats })
})
afterAll(async () => {
  await admin.end()
  await rm(folder, { recursive: true })
})

/** What the service does with these events, up to a checkpoint. */
async function serve(count: number) {
  const config = loadConfig(auditConfig, env)
  const log = createLogger({ app: 'audit', level: 'silent' })
  const closer = createCloser(log)
  const sql = createClient({ url: appUrl(database.adminUrl) })
  closer.defer('database', () => sql.end())
  const keys = await openAuditKeys(config, sql)
  const checkpoints = await openCheckpoints(config, { sql, log, closer, credentials: keys.credentials })
  const events = Array.from({ length: count }, () => makeEvent())
  await takeIn(
    {
      sql,
      actorKeys: createActorKeys(keys.actors),
      personalDataKey: createPersonalDataKey(config.PERSONAL_DATA_KEY),
      now: Date.now,
    },
    events.map(({ subject, payload }) => ({ subject, data: Buffer.from(payload) })),
  )
  await checkpoints.sign()
  await closer.close()
}

async function run(...args: string[]) {
  const lines: string[] = []
  const say = (line: string) => void lines.push(line)
  return { code: await runAuditCommand(args, { env, out: say, err: say }), lines }
}

test('a log that no service has opened yet is told so', async () => {
  expect(await run('audit', 'export', join(folder, 'early'))).toMatchObject({ code: 1 })
})

test('the key is rotated, told, used by the next checkpoint, and the log verifies with both', async () => {
  await serve(5)
  const before = (await run('audit-key', 'list')).lines
  expect(before).toHaveLength(1)
  expect(await run('audit-key', 'rotate')).toMatchObject({ code: 0 })
  const after = (await run('audit-key', 'list')).lines
  expect(after).toEqual([expect.any(String), before[0]])
  const [told] = await admin<
    { payload: string }[]
  >`select payload from outbox where subject like '%key_rotated' or payload like '%audit.key_rotated%'`
  expect(JSON.parse(told!.payload)).toMatchObject({
    type: 'audit.key_rotated',
    actor: expect.stringMatching(/^operator:/),
    data: { details: { verifier_key: after[0], before: before[0] } },
  })
  await serve(5)
  const notes = await admin<{ note: string }[]>`select note from checkpoints order by size desc limit 1`
  expect(
    Buffer.from(/ (\S+)\n$/.exec(notes[0]!.note)![1]!, 'base64')
      .subarray(0, 4)
      .toString('hex'),
  ).toBe(after[0]!.split('+')[1])
  expect(await run('audit', 'verify')).toMatchObject({
    code: 0,
    lines: expect.arrayContaining(['Everything is what was signed.']),
  })
})

test('the export of the whole log verifies with what the key command prints', async () => {
  const file = join(folder, 'log.ndjson')
  expect(await run('audit', 'export', file)).toMatchObject({ code: 0 })
  const again = { code: 1, lines: [`There is a file ${file} already; it was left as it is.`] }
  expect(await run('audit', 'export', file)).toMatchObject(again)
  const { writeFile } = await import('node:fs/promises')
  await writeFile(join(folder, 'key'), (await run('audit-key', 'list')).lines.join('\n'))
  const out: string[] = []
  const say = (line: string) => void out.push(line)
  expect(await runVerifier(['export', file, '--key', join(folder, 'key')], { out: say, err: say })).toBe(0)
  const text = await readFile(file, 'utf8')
  expect(text).not.toContain('192.0.2.77')
  const told = await admin<{ payload: string }[]>`
    select payload from outbox where payload like '%audit.export%' order by event_id`
  expect(told.map(({ payload }) => JSON.parse(payload) as unknown)).toMatchObject([
    { type: 'audit.export_started' },
    { type: 'audit.exported', data: { outcome: 'failure', details: { lines: 0, complete: false } } },
    {
      type: 'audit.export_started',
      actor: expect.stringMatching(/^operator:/),
      data: { details: { all_tenants: true } },
    },
    { type: 'audit.exported', data: { details: { lines: text.trimEnd().split('\n').length - 2, complete: true } } },
  ])
})

test('an export that cannot be told gives nothing', async () => {
  const file = join(folder, 'untold.ndjson')
  await admin`alter table outbox add constraint broken check (payload not like '%export_started%') not valid`
  const { code } = await run('audit', 'export', file)
  await admin`alter table outbox drop constraint broken`
  expect([code, await readFile(file, 'utf8')]).toEqual([1, ''])
})

test('a changed line is named, and the command ends with 1', async () => {
  await admin`update audit_logs set actor_id = 'eve' where log_index = 3`
  const { code, lines } = await run('audit', 'verify')
  expect([code, lines[0]]).toEqual([1, expect.stringMatching(/^changed: .*line 4 of tenant/)])
})

test('retention of a tenant is shown, changed and told', async () => {
  expect((await run('audit', 'retention', TENANT_A)).lines).toEqual(['Lines are kept for ever.'])
  expect((await run('audit', 'retention', TENANT_A, '400', 'hold')).lines).toEqual([
    'Lines are kept for 400 days, and nothing may go.',
  ])
  expect((await run('audit', 'retention', TENANT_A, 'release')).lines).toEqual(['Lines are kept for 400 days.'])
  const told = await admin`select from outbox where payload like '%audit.retention_changed%'`
  expect(told).toHaveLength(2)
  expect((await run('audit', 'retention-run')).lines).toEqual(['Nothing may go yet.'])
})

test('retention of a tenant that the log does not know is told to be doubtful', async () => {
  const { code, lines } = await run('audit', 'retention', TENANT_B, 'hold')
  expect([code, lines]).toEqual([
    0,
    ['Lines are kept for ever, and nothing may go.', 'The log has no line of this tenant: is the id right?'],
  ])
})

test.each([
  [[]],
  [['audit']],
  [['audit', 'verify', 'more']],
  [['audit', 'retention', 'x']],
  [['audit', 'retention', TENANT_A, '90']],
  [['audit', 'export']],
  [['audit-key', 'delete']],
])('the command line %j is not understood, and says what there is', async (args) => {
  const { code, lines } = await run(...args)
  expect(code).toBe(2)
  expect(lines.join('\n')).toContain('audit-key rotate')
})

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import type { ExportReport } from '@memoric/verifier/verify-export.ts'
import { verifyExport } from '@memoric/verifier/verify-export.ts'
import { runVerifier } from '@memoric/verifier/verify-command.ts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { makeEvent, TENANT_A, TENANT_B } from './make-event.ts'
import { exportWholeLog } from '../src/proofs/export-whole-log.ts'
import { verifyStoredLog } from '../src/operator/verify-stored-log.ts'
import { useLog } from './use-log.ts'

const log = useLog()
const LINES = 600
const tables = [
  'audit_logs',
  'log_state',
  'log_tiles',
  'checkpoints',
  'tenant_logs',
  'retention_runs',
  'personal_data',
  'audit_days',
  'audit_slots',
]
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memoric-verify-'))
  for (let batch = 0; batch < 6; batch += 1) {
    const events = Array.from({ length: LINES / 6 }, (_, at) =>
      makeEvent({ resourceId: `memory-${batch}-${at}` }, { tenantId: at % 2 === 0 ? TENANT_A : TENANT_B }),
    )
    await log.append(...events)
    await log.checkpointer.sign()
  }
  for (const table of tables) await log.attacker.unsafe(`create table kept_${table} as table ${table}`)
})
afterEach(async () => {
  for (const table of tables) {
    await log.attacker.unsafe(`truncate ${table} cascade`)
    await log.attacker.unsafe(`insert into ${table} select * from kept_${table}`)
  }
})
afterAll(() => rm(folder, { recursive: true }))

const verifiers = () => log.keys.verifierKeys.map(parseVerifierKey)
const findingsOf = ({ findings }: Pick<ExportReport, 'findings'>) =>
  findings.map(({ kind, log_index }) => [kind, log_index])

/** What an auditor finds in an export that is made after the attack, and what the operator's own check says. */
async function after(attack: () => Promise<unknown>) {
  await attack()
  const report = await verifyExport(exportWholeLog(log.sql), { verifiers: verifiers() })
  const own = await verifyStoredLog(log.sql, verifiers(), log.intake.actorKeys)
  const messages = own.findings.map(({ message }) => message)
  return {
    exported: findingsOf(report),
    own: own.findings.map(({ kind, logIndex }) => [kind, logIndex]),
    messages,
    report,
  }
}

const eventAt = async (index: number) => {
  const [row] = await log.attacker<
    { id: string }[]
  >`select event_id as id from kept_audit_logs where log_index = ${index}`
  return row!.id
}

test('a log that nobody touched is right', async () => {
  const { exported, own, report } = await after(() => Promise.resolve())
  expect([exported, own]).toEqual([[], []])
  expect(report).toMatchObject({ lines: LINES, checkpoint: { size: LINES }, dropped: 0 })
})

describe('a superuser who gets around the triggers is found out, and the line is named, after', () => {
  test('changing the leaf of a line', async () => {
    const id = await eventAt(257)
    const { exported, own, report } = await after(
      () =>
        log.attacker`update audit_logs set canonical = replace(canonical, '"success"', '"failure"') where log_index = 257`,
    )
    expect(exported).toEqual([['changed', 257]])
    expect(report.findings[0]).toMatchObject({ event_id: id, line: 259 })
    expect(own).toEqual([['changed', 257]])
  })

  test('changing a column beside the leaf', async () => {
    const { own } = await after(() => log.attacker`update audit_logs set actor_id = 'eve' where log_index = 300`)
    expect(own).toEqual([['changed', 300]])
  })

  test('removing the leaf of a line', async () => {
    const { exported, own } = await after(
      () => log.attacker`update audit_logs set canonical = null where log_index = 300`,
    )
    expect(exported).toEqual([['changed', 300]])
    expect(own).toEqual([['changed', 300]])
  })

  test('deleting a line', async () => {
    const { exported, own } = await after(() => log.attacker`delete from audit_logs where log_index = 40`)
    expect(exported).toEqual([['deleted', 42]])
    expect(own).toEqual([['deleted', 40]])
  })

  test('deleting the first lines', async () => {
    const { exported, own } = await after(() => log.attacker`delete from audit_logs where log_index < 3`)
    expect(exported.map(([kind]) => kind)).toEqual(['deleted', 'deleted'])
    expect(own).toEqual([['deleted', 0]])
  })

  test('deleting the last lines', async () => {
    const { exported, own } = await after(() => log.attacker`delete from audit_logs where log_index >= 598`)
    expect(exported).toEqual([['deleted', undefined]])
    expect(own).toEqual([['deleted', 598]])
  })

  test.each([
    ['lines', 'log_index between 40 and 43', 44],
    ['the last lines', 'log_index >= 598', 599],
  ])('deleting %s and noting that retention dropped them', async (_name, which, place) => {
    const { exported, own } = await after(async () => {
      await log.attacker.unsafe(`delete from audit_logs where ${which}`)
      await log.attacker`
        insert into retention_runs (partition, tenant_id, lines, first_index, last_index, sequences, tree_size)
        values ('audit_logs_2024_01', ${TENANT_A}, 600, 0, 599, '{[1,301)}', 600)`
    })
    expect(exported[0]?.[0]).toBe('deleted')
    expect(own[0]).toEqual(['deleted', place])
  })

  test('inserting a line at the place of another', async () => {
    const { exported, own } = await after(
      () => log.attacker`
        insert into audit_logs select (jsonb_populate_record(l, jsonb_build_object('event_id', uuid_in(overlay(
          l.event_id::text placing 'ffffffffffff' from 25)::cstring),
          'canonical', replace(canonical, '"memory.created"', '"memory.deleted"')))).*
        from audit_logs as l where log_index = 100`,
    )
    expect(exported).toEqual([['inserted', 100]])
    expect(own).toEqual([['inserted', 100]])
  })

  test('exchanging two lines', async () => {
    const { exported, own } = await after(
      () => log.attacker`update audit_logs set log_index = 530 - log_index where log_index in (260, 270)`,
    )
    expect(exported).toEqual([
      ['reordered', 260],
      ['reordered', 270],
    ])
    expect(own).toEqual(exported)
  })

  test('changing a line and the tiles with it', async () => {
    const { own, exported, report } = await after(async () => {
      await log.attacker`update audit_logs set canonical = replace(canonical, '"success"', '"failure"') where log_index = 257`
      await log.attacker`
        update log_tiles set hashes = overlay(hashes placing (
          select sha256('\\x00' || convert_to(canonical, 'UTF8')) from audit_logs where log_index = 257) from 33)
        where level = 0 and tile = 1`
    })
    expect(exported).toEqual([['wrong_root', undefined]])
    expect(report.findings[0]?.message).toContain('root')
    expect(own).toContainEqual(['wrong_root', 200])
  })

  test('removing the personal data of a line', async () => {
    const id = await eventAt(70)
    const { own } = await after(() => log.attacker`delete from personal_data where event_id = ${id}`)
    expect(own).toEqual([['personal_changed', 70]])
  })

  test('giving a line the personal data of another', async () => {
    const [id, other] = [await eventAt(70), await eventAt(72)]
    const { own } = await after(
      () => log.attacker`
        update personal_data set sealed = (select sealed from kept_personal_data where event_id = ${other})
        where event_id = ${id}`,
    )
    expect(own).toEqual([['personal_changed', 70]])
  })

  test('removing the bounds by which times are found', async () => {
    const { own, messages } = await after(() => log.attacker`delete from audit_slots where tenant_id = ${TENANT_A}`)
    expect(own[0]).toEqual(['left_out', 0])
    expect(new Set(own.map(([kind]) => kind))).toEqual(new Set(['left_out']))
    expect(messages[0]).toMatch(new RegExp(`tenant ${TENANT_A} have lines between 1 and .* there are no bounds`))
  })

  test.each([
    ['first_seq = first_seq + 1', 'bounds are 2 to '],
    ['last_seq = last_seq - 1', 'bounds are 1 to '],
  ])('making bounds of times narrower: %s', async (change, said) => {
    const { own, messages } = await after(() => log.attacker.unsafe(`update audit_slots set ${change}`))
    expect(own.map(([kind]) => kind)).toContain('left_out')
    expect(messages.join('\n')).toContain(said)
  })

  test.each([
    [
      'update audit_days set events = events + 1',
      /count 301 lines memory.created \(success\) on .* where there are 300$/,
    ],
    ['update audit_days set events = 7', /count 7 lines/],
    ['delete from audit_days', /count 0 lines/],
    [`update audit_days set outcome = 'denied'`, /count 300 lines memory.created \(denied\) on .* where there are 0$/],
    [
      `insert into audit_days select tenant_id, '2020-02-29', operation, outcome, 3 from audit_days`,
      /count 3 lines .* on 2020-02-29 where there are 0$/,
    ],
  ])('changing what the statistics count: %s', async (change, said) => {
    const { own, messages } = await after(() => log.attacker.unsafe(`${change} where tenant_id = '${TENANT_B}'`))
    expect(new Set(own.map(([kind]) => kind))).toEqual(new Set(['miscounted']))
    expect(messages).toContainEqual(expect.stringMatching(said))
    expect(messages.filter((message) => !message.startsWith(`the statistics of tenant ${TENANT_B} `))).toEqual([])
  })

  test('deleting all that is counted, until it is counted anew as the runbook says', async () => {
    const runbook = await readFile(join(import.meta.dirname, '../../../docs/runbooks/log-tampering.md'), 'utf8')
    const recount = [...runbook.matchAll(/```sql\n(.*?)```/gs)].map(([, statements]) => statements!)
    await log.attacker`delete from audit_days`
    expect((await after(() => log.attacker`delete from audit_slots`)).own.map(([kind]) => kind)).toContain('miscounted')
    const { own } = await after(() => log.attacker.unsafe(recount.join('')))
    expect(own).toEqual([])
  })

  test('a checkpoint of another key', async () => {
    const { exported, own } = await after(
      () => log.attacker`update checkpoints set note = replace(note, ${log.keys.signer.name}, 'audit.test/other')`,
    )
    expect(exported).toEqual([['not_signed', undefined]])
    expect(own.map(([kind]) => kind)).toContain('not_signed')
  })
})

describe('the command', () => {
  const write = async (name: string, text: string) => {
    const file = join(folder, name)
    await writeFile(file, text)
    return file
  }
  async function run(...args: string[]) {
    const lines: string[] = []
    const code = await runVerifier(args, { out: (line) => void lines.push(line), err: (line) => void lines.push(line) })
    return { code, text: lines.join('\n') }
  }
  const exported = async () => `${(await log.export()).join('\n')}\n`
  const key = () => write('key', `${log.keys.verifierKeys.join('\n')}\n`)

  test('says in words and by its code that everything is right, and keeps what it saw', async () => {
    const state = join(folder, 'state')
    const file = await write('log.ndjson', await exported())
    const { code, text } = await run('export', file, '--key', await key(), '--state', state)
    expect([code, text]).toEqual([0, expect.stringContaining('600 lines are what was signed')])
    expect(await readFile(state, 'utf8')).toMatch(/^audit.test\/log\n600\n/)
  })

  test('refuses a log that is shorter than what it saw, or another one of the same length', async () => {
    const state = join(folder, 'state')
    const short = await log.attacker<{ note: string }[]>`select note from checkpoints where size = 200`
    const { code, text } = await run(
      'checkpoint',
      await write('old', short[0]!.note),
      '--key',
      await key(),
      '--state',
      state,
    )
    expect([code, text]).toEqual([1, expect.stringContaining('seen last')])
  })

  test('compares with every checkpoint that was kept, and says between which two the log was changed', async () => {
    const notes = await log.attacker<{ note: string }[]>`select note from kept_checkpoints order by size`
    const kept = await write('kept', notes.map(({ note }) => note).join(''))
    const right = await run(
      'export',
      await write('log.ndjson', await exported()),
      '--key',
      await key(),
      '--checkpoints',
      kept,
      '--json',
    )
    expect(JSON.parse(right.text)).toMatchObject({ right: true, matched: 7, lines: 600 })
    const lines = (await exported()).split('\n')
    const changed = lines.map((line) =>
      line.replace(/"log_index":257,(.*)"leaf_hash":"...../, '"log_index":257,$1"leaf_hash":"AAAAA'),
    )
    const wrong = await run(
      'export',
      await write('log.ndjson', changed.join('\n')),
      '--key',
      await key(),
      '--checkpoints',
      kept,
    )
    expect(wrong.code).toBe(1)
    expect(wrong.text).toContain('between places 200 and 299')
  })

  test.each([
    ['a line that was taken out of the file', (lines: string[]) => lines.toSpliced(100, 1), 'deleted'],
    ['a line that is there twice', (lines: string[]) => lines.toSpliced(100, 0, lines[100]!), 'inserted'],
    [
      'two lines that changed places',
      (lines: string[]) => lines.with(100, lines[101]!).with(101, lines[100]!),
      'reordered',
    ],
    ['a file that was cut off', (lines: string[]) => lines.slice(0, 300), 'cut_off'],
    ['a line that is no JSON', (lines: string[]) => lines.with(100, 'nonsense'), 'malformed'],
    ['a file without a header', (lines: string[]) => lines.slice(1), 'malformed'],
  ])('names %s', async (_name, change, kind) => {
    const file = await write('log.ndjson', change((await exported()).trimEnd().split('\n')).join('\n'))
    const { code, text } = await run('export', file, '--key', await key())
    expect([code, text]).toEqual([1, expect.stringContaining(`${kind}:`)])
  })

  test('tells a wrong command from a file that cannot be read', async () => {
    expect((await run('export')).code).toBe(2)
    expect((await run('export', 'x', '--wrong')).code).toBe(2)
    expect((await run('export', join(folder, 'nothing'), '--key', await key())).code).toBe(3)
    expect((await run('export', 'x', '--key', await write('bad', 'no key\n'))).code).toBe(3)
  })
})

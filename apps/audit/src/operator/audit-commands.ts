import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { tenantId as tenantIdSchema } from '@memoric/contracts/ids.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemTransaction, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { loadCheckpointKeys, rotateCheckpointKey } from '../checkpoints/checkpoint-keys.ts'
import { selectLastLine } from '../log/log-page-repository.ts'
import { wholeTenant } from '../log/log-readers.ts'
import { dropLetters } from '../dead-letters/drop-letters.ts'
import { createActorKeys } from '../personal/actor-keys.ts'
import { exportWholeLog } from '../proofs/export-whole-log.ts'
import { findRetention, saveRetention } from '../retention/retention-repository.ts'
import { runRetention } from '../retention/run-retention.ts'
import type { AuditOperator } from './audit-operator.ts'
import { deadLetterCommands } from './dead-letter-commands.ts'
import type { StoredFinding } from './stored-check.ts'
import { verifyStoredLog } from './verify-stored-log.ts'

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What a command gives: lines for a person, and whether what it looked at is right. */
export interface Outcome {
  readonly lines: readonly string[]
  readonly right: boolean
}

export interface AuditCommand {
  readonly words: string
  readonly usage: string
  readonly summary: string
  run(operator: AuditOperator, parameters: readonly string[]): Promise<Outcome>
}

export const auditCommands: readonly AuditCommand[] = [
  {
    words: 'audit verify',
    usage: '',
    summary:
      'compare every line of the log with its leaf, its personal data, the tree, every signed checkpoint and what is counted; ends with 1 when something is wrong',
    run: verify,
  },
  {
    words: 'audit export',
    usage: '<file>',
    summary: 'write the whole log of all tenants, without personal data, for memoric-verify',
    run: exportLog,
  },
  {
    words: 'audit retention-run',
    usage: '',
    summary: 'drop the months that every tenant lets go now, and old dead letters; the service does it once a day',
    run: dropExpired,
  },
  {
    words: 'audit retention',
    usage: '<tenant id> [<days, 180 at least>|forever] [hold|release]',
    summary: 'how long the lines of a tenant are kept, and whether nothing of it may go; changes it when told more',
    run: retention,
  },
  {
    words: 'audit-key list',
    usage: '',
    summary: 'the keys that sign and signed checkpoints, newest first',
    run: listKeys,
  },
  {
    words: 'audit-key rotate',
    usage: '',
    summary: 'sign checkpoints with a new key; the old ones stay published',
    run: rotate,
  },
  ...deadLetterCommands,
]

async function verify({ sql, credentials, actors }: AuditOperator): Promise<Outcome> {
  const { verifiers } = await loadCheckpointKeys(sql, credentials)
  const { findings, lines, size, checkpoints, dropped } = await verifyStoredLog(sql, verifiers, createActorKeys(actors))
  const found = findings.map(({ kind, message }) => `${kind}: ${message}`)
  const summary = `${lines} lines, ${dropped} dropped by retention, under the checkpoint of ${size}; ${checkpoints} checkpoints.`
  return { lines: [...found, summary, verdictOn(findings)], right: findings.length === 0 }
}

function verdictOn(findings: readonly StoredFinding[]): string {
  if (findings.length === 0) return 'Everything is what was signed.'
  const areCounts = findings.every(({ kind }) => kind === 'miscounted' || kind === 'left_out')
  return areCounts
    ? 'The lines are what was signed; what is counted of them is not.'
    : 'The log is not what was signed.'
}

/** Whoever takes the whole log is told of in the log of the platform, before the first line. */
async function exportLog(operator: AuditOperator, [file, ...surplus]: readonly string[]): Promise<Outcome> {
  if (file === undefined || surplus.length > 0) throw new UsageError('"audit export" needs the file to write.')
  const target = await openNew(file)
  await tellExport(operator, 'audit.export_started', {})
  let [lines, complete] = [0, false]
  const counted = withBreaks(exportWholeLog(operator.sql), () => (lines += 1))
  try {
    await pipeline(Readable.from(counted), target.createWriteStream())
    complete = true
  } finally {
    // The first line of the file is none of the log, nor is the last.
    await tellExport(operator, 'audit.exported', { lines: Math.max(0, lines - (complete ? 2 : 1)), complete })
  }
  return { lines: [`The log is in ${file}.`], right: true }
}

async function openNew(file: string) {
  try {
    return await open(file, 'wx', 0o600)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    throw new Error(`There is a file ${file} already; it was left as it is.`, { cause })
  }
}

async function tellExport(
  { sql, events, context }: AuditOperator,
  type: 'audit.export_started' | 'audit.exported',
  more: { lines?: number; complete?: boolean },
): Promise<void> {
  const details = { format: 'ndjson', all_tenants: true, ...more }
  const outcome = more.complete === false ? 'failure' : 'success'
  const event = events({ type, context, resourceId: null, statusCode: null, outcome, details })
  await systemTransaction(sql, (tx) => outboxInsert(tx, [event]))
}

async function* withBreaks(lines: AsyncIterable<string>, onLine: () => void): AsyncGenerator<string> {
  for await (const line of lines) {
    onLine()
    yield `${line}\n`
  }
}

async function dropExpired(operator: AuditOperator): Promise<Outcome> {
  const { sql, events, context, defaultRetentionDays, deadLetterDays } = operator
  const deps = { sql, events, wakeRelay: () => undefined }
  const runs = await runRetention(deps, defaultRetentionDays, context)
  const letters = await dropLetters(deps, deadLetterDays, context)
  const lines = runs.map(({ partition, tenant_id, lines }) => `${partition}: ${lines} lines of tenant ${tenant_id}`)
  if (letters > 0) lines.push(`${letters} dead letters`)
  return { lines: [...lines, lines.length === 0 ? 'Nothing may go yet.' : 'Dropped.'], right: true }
}

/** The log does not know who is a tenant; a hold on a wrong id holds nothing. */
const UNKNOWN_TENANT = 'The log has no line of this tenant: is the id right?'

async function retention(operator: AuditOperator, [tenant, ...changes]: readonly string[]): Promise<Outcome> {
  const parsed = tenantIdSchema.safeParse(tenant)
  if (!parsed.success) throw new UsageError('"audit retention" needs the id of a tenant: a UUID in lower case.')
  const { sql, events, context, defaultRetentionDays } = operator
  const [settings, isKnown] = await tenantTransaction(sql, wholeTenant(parsed.data), async (tx) => {
    const [line] = await selectLastLine(tx, parsed.data)
    const before = (await findRetention(tx, parsed.data)) ?? { retention_days: defaultRetentionDays, legal_hold: false }
    const after = changes.reduce(changed, before)
    if (changes.length === 0) return [before, line !== undefined] as const
    const details = { before: { ...before }, after: { ...after } }
    const event = {
      type: 'audit.retention_changed',
      context,
      tenantId: parsed.data,
      resourceId: parsed.data,
      statusCode: null,
    } as const
    await Promise.all([saveRetention(tx, parsed.data, after), outboxInsert(tx, [events({ ...event, details })])])
    return [after, line !== undefined] as const
  })
  const days = settings.retention_days === null ? 'for ever' : `for ${settings.retention_days} days`
  const kept = `Lines are kept ${days}${settings.legal_hold ? ', and nothing may go' : ''}.`
  return { lines: isKnown ? [kept] : [kept, UNKNOWN_TENANT], right: true }
}

function changed(settings: { retention_days: number | null; legal_hold: boolean }, word: string) {
  if (word === 'hold' || word === 'release') return { ...settings, legal_hold: word === 'hold' }
  if (word === 'forever') return { ...settings, retention_days: null }
  const days = /^\d{3,5}$/.test(word) ? Number(word) : 0
  if (days < 180 || days > 36_500)
    throw new UsageError(`"${word}" is not a number of days from 180 to 36500, forever, hold or release.`)
  return { ...settings, retention_days: days }
}

async function listKeys({ sql, credentials }: AuditOperator): Promise<Outcome> {
  const { verifierKeys } = await loadCheckpointKeys(sql, credentials)
  return { lines: verifierKeys, right: true }
}

async function rotate({ sql, credentials, events, context }: AuditOperator): Promise<Outcome> {
  const rotation = await systemTransaction(sql, async (tx) => {
    const made = await rotateCheckpointKey(tx, credentials)
    if (made === undefined)
      throw new Error('Somebody else has rotated the key at this moment; look with "audit-key list".')
    const details = { verifier_key: made.verifierKey, before: made.before }
    const event = {
      type: 'audit.key_rotated',
      context,
      resourceId: `${made.version}`,
      statusCode: null,
      details,
    } as const
    await outboxInsert(tx, [events(event)])
    return made
  })
  return {
    lines: [
      `Checkpoints are signed with ${rotation.verifierKey} from the next one on.`,
      `Checkpoints of before are checked with ${rotation.before}.`,
    ],
    right: true,
  }
}

import { uuid } from '@memoric/contracts/ids.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { createPersonalDataKey } from '@memoric/service/event-factory.ts'
import { type DeadLetterPage, type DeadLetterRow, findDeadLetters } from '../dead-letters/dead-letter-repository.ts'
import { replayLetter } from '../dead-letters/replay-letter.ts'
import { createActorKeys } from '../personal/actor-keys.ts'
import type { AuditCommand, Outcome } from './audit-commands.ts'
import type { AuditOperator } from './audit-operator.ts'

const NEWEST = 200

/** Commands about what could not enter the log, also where it tells no tenant. */
export const deadLetterCommands: readonly AuditCommand[] = [
  {
    words: 'audit dead-letters',
    usage: '[waiting|replayed]',
    summary: `messages that the log did not take, of all tenants and of none, the newest ${NEWEST}`,
    run: list,
  },
  {
    words: 'audit replay',
    usage: '<dead letter id>',
    summary: 'give a dead letter to the log once more; ends with 1 when the log refuses it still',
    run: replay,
  },
]

async function list({ sql }: AuditOperator, [state]: readonly string[]): Promise<Outcome> {
  if (state !== undefined && state !== 'waiting' && state !== 'replayed')
    throw new Error('Say waiting, replayed or neither.')
  const page: DeadLetterPage = { tenantId: null, state: state ?? null, before: null, limit: NEWEST }
  const [rows] = await systemFlight(sql, (tx) => [findDeadLetters(tx, page)])
  return { lines: rows.length === 0 ? ['There are none.'] : rows.map(lineOf), right: true }
}

function lineOf(row: DeadLetterRow): string {
  const fate = row.replayed_at === null ? 'waiting' : `in the log since ${row.replayed_at.toISOString()}`
  const whose = row.tenant_id === null ? 'tenant unclear' : `tenant ${row.tenant_id}`
  return `${row.id}  ${row.last_at.toISOString()}  ${whose}  ${row.subject}  ${row.bytes} bytes, ${row.deliveries}x: ${row.reason}; ${fate}`
}

async function replay(operator: AuditOperator, [id]: readonly string[]): Promise<Outcome> {
  if (!uuid.safeParse(id).success || id === undefined) throw new Error('"audit replay" needs the id of a dead letter.')
  const { sql, actors, credentials, events, context, personalDataSecret } = operator
  const actorKeys = createActorKeys(actors)
  const personalDataKey = createPersonalDataKey(personalDataSecret)
  const intake = { sql, actorKeys, personalDataKey, now: Date.now }
  const deps = { sql, credentials, events, intake, wakeRelay: () => undefined }
  const replayed = await replayLetter(deps, id, () => true, context)
  actorKeys.clear()
  if (replayed === undefined) throw new Error('There is no such dead letter.')
  const { refusal } = replayed
  return {
    lines: [refusal === null ? 'The log has it.' : `The log does not take it: ${refusal}.`],
    right: refusal === null,
  }
}

import type { TenantId } from '@memoric/contracts/ids.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventContext, EventFactory } from '@memoric/service/event-factory.ts'
import { takeIn, type TakeInDeps } from '../log/take-in.ts'
import { type DeadLetterRow, findDeadLetter, markReplayed, noteReason } from './dead-letter-repository.ts'
import { openLetter } from './seal-letter.ts'

export interface ReplayDeps {
  readonly sql: Sql
  readonly credentials: SealingKey
  readonly events: EventFactory
  readonly intake: TakeInDeps
  readonly wakeRelay: () => void
}

/** What became of a letter: the row as it is now, and why the log does not take it, or null when it has it. */
export interface Replayed {
  readonly row: DeadLetterRow
  readonly refusal: string | null
}

/**
 * Gives a letter to the log once more; undefined where `mayReplay` says that there is none. The log knows its events by their ids, so
 * whatever is interrupted here can be done again.
 */
export async function replayLetter(
  deps: ReplayDeps,
  id: string,
  mayReplay: (row: DeadLetterRow) => boolean,
  context: EventContext,
): Promise<Replayed | undefined> {
  const found = await find(deps.sql, id)
  if (found === undefined || !mayReplay(found)) return undefined
  if (found.replayed_at !== null) return { row: found, refusal: null }
  const data = openLetter(deps.credentials, id, found.sealed)
  const { rejected } = await takeIn(deps.intake, [{ subject: found.subject, data }])
  const refusal = rejected[0]?.reason ?? null
  await note(deps, found, refusal, context)
  deps.wakeRelay()
  return { row: (await find(deps.sql, id)) ?? found, refusal }
}

async function find(sql: Sql, id: string): Promise<(DeadLetterRow & { sealed: Buffer }) | undefined> {
  const [row] = await systemTransaction(sql, async (tx) => findDeadLetter(tx, id))
  return row
}

async function note({ sql, events }: ReplayDeps, row: DeadLetterRow, refusal: string | null, context: EventContext) {
  const { caller, actor = `${caller.principal.type}:${caller.principal.id}` } = context
  const event = events({
    type: 'audit.dead_letter_replayed',
    context,
    tenantId: (row.tenant_id ?? PLATFORM_TENANT) as TenantId,
    resourceId: row.id,
    statusCode: context.endpoint === null ? null : refusal === null ? 200 : 409,
    outcome: refusal === null ? 'success' : 'failure',
    details: { event_id: row.event_id, ...(refusal !== null && { refusal }) },
  })
  await systemTransaction(sql, async (tx) => {
    await Promise.all([
      refusal === null ? markReplayed(tx, row.id, actor) : noteReason(tx, row.id, refusal),
      outboxInsert(tx, [event]),
    ])
  })
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventContext, EventFactory } from '@memoric/service/event-factory.ts'
import { takeIn, type TakeInDeps } from '../log/take-in.ts'
import {
  claimLetter,
  type DeadLetterRow,
  findDeadLetter,
  type FoundLetter,
  markReplayed,
  noteReason,
  releaseLetter,
} from './dead-letter-repository.ts'
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

/** For so long nobody else gives the same letter to the log, s. */
const CLAIM_SECONDS = 30
const BUSY = 'somebody else gives it to the log at this moment'
/** So long somebody waits who came while another one had the letter, ms. */
const WAIT_MS = 5_000
const LOOK_MS = 50
const EMPTIED = 'its content was destroyed: it named a person who was erased'

/**
 * Gives a letter to the log once more; undefined where `mayReplay` says that there is none. Of several at once one does, and the others
 * tell what is there by then. The log knows its events by their ids, so whatever is interrupted here can be done again.
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
  if (found.emptied_at !== null) return { row: found, refusal: EMPTIED }
  const [claimed] = await systemTransaction(deps.sql, async (tx) => claimLetter(tx, id, CLAIM_SECONDS))
  if (claimed === undefined) return awaitOther(deps.sql, id)
  const refusal = await offer(deps, found)
  await note(deps, found, refusal, context)
  deps.wakeRelay()
  return { row: (await find(deps.sql, id)) ?? found, refusal }
}

/** The answer of somebody who came while another one had the letter: the same as that one's, if it comes in time. */
async function awaitOther(sql: Sql, id: string): Promise<Replayed | undefined> {
  const until = performance.now() + WAIT_MS
  for (;;) {
    const row = await find(sql, id)
    if (row === undefined) return undefined
    if (row.replayed_at !== null) return { row, refusal: null }
    if (!row.is_claimed) return { row, refusal: row.reason }
    if (performance.now() > until) return { row, refusal: BUSY }
    await sleep(LOOK_MS)
  }
}

/** Why the log does not take it, or null. */
async function offer(deps: ReplayDeps, { id, subject, sealed }: FoundLetter): Promise<string | null> {
  try {
    const data = openLetter(deps.credentials, id, sealed)
    const { rejected } = await takeIn(deps.intake, [{ subject, data }])
    return rejected[0]?.reason ?? null
  } catch (error) {
    await systemTransaction(deps.sql, async (tx) => releaseLetter(tx, id)).catch(() => undefined)
    throw error
  }
}

async function find(sql: Sql, id: string): Promise<FoundLetter | undefined> {
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
    const [noted] = await (refusal === null ? markReplayed(tx, row.id, actor) : noteReason(tx, row.id, refusal))
    // Whoever kept the letter for longer than its claim may find that another has told of it.
    if (noted !== undefined) await outboxInsert(tx, [event])
  })
}

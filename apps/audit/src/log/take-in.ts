import type { Sql } from '@memoric/postgres/client.ts'
import { errorCode, isServerError } from '@memoric/postgres/database-error.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import { ensureActorKeys, nameOf } from '../personal/actor-key-repository.ts'
import type { ActorKey, ActorKeys } from '../personal/actor-keys.ts'
import { withoutErased } from '../personal/spare-erased.ts'
import { type ActorRef, actorsOf, distinctEvents, prepareEvent } from './append-batch.ts'
import { appendEvents } from './log-repository.ts'
import { EventRejected, readEvent, type AcceptedEvent } from './read-event.ts'

export interface TakeInDeps {
  readonly sql: Sql
  readonly actorKeys: ActorKeys
  /** Opens the personal data of events. */
  readonly personalDataKey: SealingKey
  readonly now: () => number
  /** Called when the log has grown. */
  readonly onAppended?: (() => void) | undefined
}

/** A message of the event stream. */
export interface Delivery {
  readonly subject: string
  readonly data: Uint8Array
}

interface Accepted<D extends Delivery> extends AcceptedEvent {
  readonly delivery: D
}

interface Rejected<D extends Delivery> {
  readonly delivery: D
  readonly reason: string
}

/** What became of deliveries: each is in one of the lists. */
export interface TakenIn<D extends Delivery> {
  /** In the log, now or since an earlier delivery. */
  readonly logged: readonly Accepted<D>[]
  /** Will never be. */
  readonly rejected: readonly Rejected<D>[]
}

/** Brings deliveries into the log. Throws when the database does; nothing can then be said about any of them. */
export async function takeIn<D extends Delivery>(deps: TakeInDeps, deliveries: readonly D[]): Promise<TakenIn<D>> {
  const { accepted, rejected } = check(deps, deliveries)
  const refused = await appendOrSplit(deps, accepted)
  return {
    logged: accepted.filter((one) => !refused.has(one)),
    rejected: [...rejected, ...[...refused].map(([{ delivery }, reason]) => ({ delivery, reason }))],
  }
}

function check<D extends Delivery>({ personalDataKey }: TakeInDeps, deliveries: readonly D[]) {
  const accepted: Accepted<D>[] = []
  const rejected: Rejected<D>[] = []
  for (const delivery of deliveries) {
    try {
      accepted.push({ delivery, ...readEvent(delivery.subject, delivery.data, personalDataKey) })
    } catch (error) {
      if (!(error instanceof EventRejected)) throw error
      rejected.push({ delivery, reason: error.message })
    }
  }
  return { accepted, rejected }
}

/**
 * Appends in one transaction. Where the database refuses a value, each half is tried by itself, until the event that it refuses
 * stands alone; gives those events with the reason.
 */
async function appendOrSplit<E extends AcceptedEvent>(deps: TakeInDeps, events: readonly E[]): Promise<Map<E, string>> {
  try {
    await append(deps, events)
    return new Map()
  } catch (error) {
    if (!isRefusedValue(error)) throw error
    const [only] = events
    if (only !== undefined && events.length === 1)
      return new Map([[only, `refused by the database: ${errorCode(error)}`]])
    const middle = events.length >> 1
    const first = await appendOrSplit(deps, events.slice(0, middle))
    return new Map([...first, ...(await appendOrSplit(deps, events.slice(middle)))])
  }
}

/** SQLSTATE classes that are about the data: data exception, integrity constraint violation, program limit exceeded. */
function isRefusedValue(error: unknown): boolean {
  return isServerError(error) && ['22', '23', '54'].includes(errorCode(error)?.slice(0, 2) ?? '')
}

async function append(
  { sql, actorKeys, now, onAppended }: TakeInDeps,
  events: readonly AcceptedEvent[],
): Promise<void> {
  const distinct = distinctEvents(events)
  const actors = actorsOf(distinct)
  const stored = await ensureActorKeys(sql, actors, ({ tenantId, actor }) => actorKeys.create(tenantId, actor))
  const spared = await withoutErased(sql, distinct, actors)
  const keys = new Map(stored.map((key) => [nameOf(key), actorKeys.open(key)]))
  const prepared = spared.map(({ event, heldKey }) =>
    prepareEvent(event, (actor) => (heldKey === null ? keyIn(keys, actor) : actorKeys.open(heldKey))),
  )
  const appended = await appendEvents(sql, prepared, new Date(now()))
  if (appended > 0) onAppended?.()
}

function keyIn(keys: ReadonlyMap<string, ActorKey>, actor: ActorRef): ActorKey {
  const key = keys.get(nameOf(actor))
  if (key === undefined) throw new Error('the key of an actor was destroyed meanwhile')
  return key
}

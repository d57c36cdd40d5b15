import type { TenantId } from '@memoric/contracts/ids.ts'
import { type ErasePerson, erasePerson, type PersonErased } from '@memoric/contracts/signals.ts'
import { ERASE_PERSON_SUBJECT, PERSON_ERASED_SUBJECT } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, publishSignal } from '@memoric/messaging/signals.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { ownContext } from '../alerts/raise-alerts.ts'
import { emptyLettersOf, type EmptyingDeps } from '../dead-letters/empty-letters.ts'
import { wholeTenant } from '../log/log-readers.ts'
import type { ActorKeys } from './actor-keys.ts'
import {
  beginErasure,
  endErasure,
  type ErasureState,
  holdActorKeys,
  isOnHold,
  lockErasure,
  type PersonErasure,
} from './person-erasure-repository.ts'

export interface ErasePersonDeps extends EmptyingDeps {
  readonly messaging: Messaging
  readonly actorKeys: Pick<ActorKeys, 'forget'>
  readonly events: EventFactory
  readonly wakeRelay: () => void
  readonly log: Logger
}

/** An erasure by its names. */
export type ErasureRef = Pick<PersonErasure, 'tenantId' | 'erasureId' | 'actor'>

/** Destroys the key of a person whenever memory asks for it, and answers how many there were. Returns what ends it. */
export function answerErasures(deps: ErasePersonDeps): () => void {
  return onSignal(deps.messaging, ERASE_PERSON_SUBJECT, (signal) => {
    const asked = erasePerson.parse(signal)
    // Memory asks again until it is answered.
    void answer(deps, asked).catch((error: unknown) =>
      deps.log.warn({ err: error, erasure: asked.erasureId }, 'the keys of a person are destroyed later'),
    )
  })
}

async function answer(deps: ErasePersonDeps, asked: ErasePerson): Promise<void> {
  const { tenantId, erasureId, subjectId, until } = asked
  // A signed-in user is the subject of the same id.
  const erasure: PersonErasure = { tenantId, erasureId, actor: `user:${subjectId}`, until: new Date(until) }
  await begin(deps, erasure)
  await finishErasure(deps, erasure)
}

/** The first time takes the keys out of use; afterwards the actor may have a new one, which stays. */
function begin({ sql, events }: ErasePersonDeps, erasure: PersonErasure): Promise<void> {
  return tenantTransaction(sql, wholeTenant(erasure.tenantId), async (tx) => {
    const [begun] = await beginErasure(tx, erasure)
    if (begun === undefined) return
    await holdActorKeys(tx, erasure)
    const { keyIds, waits } = await stateOf(tx, erasure)
    if (waits) await tell(tx, events, 'personal_data.erasure_held', erasure, { keys_held: keyIds.length })
  })
}

/** Destroys what an erasure holds unless a legal hold is in the way, and tells memory how it stands. */
export async function finishErasure(deps: ErasePersonDeps, erasure: ErasureRef): Promise<void> {
  const { keyIds, held } = await end(deps, erasure)
  if (!held) for (const keyId of keyIds) deps.actorKeys.forget(keyId)
  deps.wakeRelay()
  const { erasureId } = erasure
  // It came from memory, or from a row that did.
  const tenantId = erasure.tenantId as TenantId
  const told = { erasureId, tenantId, keys: keyIds.length, held } as PersonErased
  publishSignal(deps.messaging, PERSON_ERASED_SUBJECT, told)
}

/** Letters go before the keys: whoever finds the keys gone has nothing left to do. */
async function end(deps: ErasePersonDeps, erasure: ErasureRef): Promise<ErasureState> {
  const scope = wholeTenant(erasure.tenantId)
  const before = await tenantTransaction(deps.sql, scope, (tx) => stateOf(tx, erasure))
  if (!before.held || before.waits) return before
  const letters = await emptyLettersOf(deps, erasure)
  return tenantTransaction(deps.sql, scope, async (tx) => {
    const now = await stateOf(tx, erasure)
    if (!now.held || now.waits) return now
    await endErasure(tx, erasure)
    const details = { keys_destroyed: now.keyIds.length, dead_letters_emptied: letters }
    await tell(tx, deps.events, 'personal_data.erased', erasure, details)
    return { keyIds: now.keyIds, held: false }
  })
}

/** `waits` while a legal hold is in the way. */
async function stateOf(tx: Tx, erasure: ErasureRef): Promise<ErasureState & { waits: boolean }> {
  const [row] = await lockErasure(tx, erasure)
  if (row === undefined) throw new Error('an erasure has gone')
  return { ...row, waits: row.held && (await isOnHold(tx, erasure.tenantId)) }
}

function tell(
  tx: Tx,
  events: EventFactory,
  type: 'personal_data.erased' | 'personal_data.erasure_held',
  { tenantId, erasureId, actor }: ErasureRef,
  counts: Readonly<Record<string, number>>,
) {
  const resourceId = actor.slice(actor.indexOf(':') + 1)
  const details = { erasure_id: erasureId, ...counts }
  return outboxInsert(tx, [events({ type, context: ownContext(tenantId), resourceId, statusCode: null, details })])
}

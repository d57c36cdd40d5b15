import type { TenantId } from '@memoric/contracts/ids.ts'
import { type ErasePerson, erasePerson, type PersonErased } from '@memoric/contracts/signals.ts'
import { ERASE_PERSON_SUBJECT, PERSON_ERASED_SUBJECT } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, publishSignal } from '@memoric/messaging/signals.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventContext, EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { ActorKeys } from './actor-keys.ts'
import {
  destroyActorKeys,
  insertPersonErasure,
  type PersonErasure,
  selectErasedKeys,
} from './person-erasure-repository.ts'

export interface ErasePersonDeps {
  readonly sql: Sql
  readonly messaging: Messaging
  readonly actorKeys: Pick<ActorKeys, 'forget'>
  readonly events: EventFactory
  readonly wakeRelay: () => void
  readonly log: Logger
}

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
  const keyIds = await erase(deps, asked)
  for (const keyId of keyIds) deps.actorKeys.forget(keyId)
  deps.wakeRelay()
  const { erasureId, tenantId } = asked
  const told: PersonErased = { erasureId, tenantId, keys: keyIds.length }
  publishSignal(deps.messaging, PERSON_ERASED_SUBJECT, told)
}

/** The first time destroys the key; afterwards the actor may have a new one, which stays. */
function erase(deps: ErasePersonDeps, asked: ErasePerson): Promise<string[]> {
  const { tenantId, erasureId, subjectId, until } = asked
  // A signed-in user is the subject of the same id.
  const erasure: PersonErasure = { tenantId, erasureId, actor: `user:${subjectId}`, until: new Date(until) }
  return tenantTransaction(deps.sql, { tenantId, subjects: '*', namespaces: '*' }, async (tx) => {
    const [begun] = await insertPersonErasure(tx, erasure)
    if (begun !== undefined) await destroyActorKeys(tx, erasure)
    const [row] = await selectErasedKeys(tx, erasure)
    if (row === undefined) throw new Error('an erasure has gone')
    if (begun !== undefined) await tell(tx, deps, asked, row.key_ids.length)
    return row.key_ids
  })
}

function tell(tx: Tx, { events }: ErasePersonDeps, { tenantId, erasureId, subjectId }: ErasePerson, keys: number) {
  const details = { erasure_id: erasureId, keys_destroyed: keys }
  const context = contextIn(tenantId)
  return outboxInsert(tx, [
    events({ type: 'personal_data.erased', context, resourceId: subjectId, statusCode: null, details }),
  ])
}

function contextIn(tenantId: TenantId): EventContext {
  return {
    caller: {
      tenantId,
      principal: { type: 'service', id: 'audit' },
      sessionId: null,
      permissions: [],
      subjects: '*',
      namespaces: '*',
      requestId: uuidV7(),
      clientAddress: '',
      userAgent: null,
    },
    endpoint: null,
    method: null,
    startedAt: performance.now(),
  }
}

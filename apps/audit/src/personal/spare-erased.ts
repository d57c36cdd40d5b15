import type { Sql } from '@memoric/postgres/client.ts'
import type { AcceptedEvent } from '../log/read-event.ts'
import { nameOf } from './actor-key-repository.ts'
import type { WrappedActorKey } from './actor-keys.ts'
import { personOf } from './person-of.ts'
import { findErased, heldKeyOf } from './person-erasure-repository.ts'

/** An event, and the key under which its personal data goes in the place of the actor's current one. */
export interface SparedEvent<E extends AcceptedEvent> {
  readonly event: E
  readonly heldKey: WrappedActorKey | null
}

/**
 * The same events, without the personal data of those that happened before their person was erased; while a legal hold keeps that, it
 * goes under the key that is held. To be asked after the keys of the actors were made: an erasure that comes later destroys those.
 */
export async function withoutErased<E extends AcceptedEvent>(
  sql: Sql,
  events: readonly E[],
  actors: readonly { readonly tenantId: string; readonly actor: string }[],
): Promise<readonly SparedEvent<E>[]> {
  const erased = await findErased(sql, actors)
  if (erased.length === 0) return events.map((event) => ({ event, heldKey: null }))
  const byPerson = Map.groupBy(erased, nameOf)
  return events.map((one) => {
    const { event } = one
    const later = byPerson
      .get(nameOf({ tenantId: event.tenantid, actor: personOf(event) }))
      ?.filter(({ until }) => Date.parse(event.time) <= until.getTime())
    if (later === undefined || later.length === 0) return { event: one, heldKey: null }
    const keys = later.map(heldKeyOf)
    const isErased = keys.includes(null)
    return isErased ? { event: { ...one, personal: null }, heldKey: null } : { event: one, heldKey: keys[0] ?? null }
  })
}

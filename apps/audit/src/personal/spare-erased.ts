import type { Sql } from '@memoric/postgres/client.ts'
import type { AcceptedEvent } from '../log/read-event.ts'
import { nameOf } from './actor-key-repository.ts'
import { personOf } from './person-of.ts'
import { findErased } from './person-erasure-repository.ts'

/**
 * The same events, without the personal data of those that happened before their person was erased. To be asked after the keys of the
 * actors were made: an erasure that comes later destroys those.
 */
export async function withoutErased<E extends AcceptedEvent>(
  sql: Sql,
  events: readonly E[],
  actors: readonly { readonly tenantId: string; readonly actor: string }[],
): Promise<readonly E[]> {
  const erased = await findErased(sql, actors)
  if (erased.length === 0) return events
  const until = new Map(erased.map((each) => [nameOf(each), each.until.getTime()]))
  const isErased = ({ event }: E): boolean =>
    Date.parse(event.time) <= (until.get(nameOf({ tenantId: event.tenantid, actor: personOf(event) })) ?? -Infinity)
  return events.map((one) => (isErased(one) ? { ...one, personal: null } : one))
}

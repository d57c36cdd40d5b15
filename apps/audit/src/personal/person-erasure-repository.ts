import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'

export interface PersonErasure {
  readonly tenantId: string
  readonly erasureId: string
  readonly actor: string
  readonly until: Date
}

/** A row unless the erasure is known. */
export function insertPersonErasure(tx: Tx, { tenantId, erasureId, actor, until }: PersonErasure) {
  return tx<{ erasure_id: string }[]>`
    insert into person_erasures (tenant_id, erasure_id, actor, until)
    values (${tenantId}, ${erasureId}, ${actor}, ${until})
    on conflict do nothing returning erasure_id`
}

/** Destroys the key of an actor and keeps under the erasure which one it was. */
export function destroyActorKeys(tx: Tx, { tenantId, erasureId, actor }: PersonErasure) {
  return tx`
    with gone as (delete from actor_keys where tenant_id = ${tenantId} and actor = ${actor} returning key_id)
    update person_erasures set key_ids = array(select key_id from gone)
    where tenant_id = ${tenantId} and erasure_id = ${erasureId}`
}

export function selectErasedKeys(tx: Tx, { tenantId, erasureId }: PersonErasure) {
  return tx<{ key_ids: string[] }[]>`
    select key_ids from person_erasures where tenant_id = ${tenantId} and erasure_id = ${erasureId}`
}

interface ErasedActor {
  readonly tenantId: string
  readonly actor: string
  readonly until: Date
}

/** Those of the actors that were erased, and up to when. */
export async function findErased(
  sql: Sql,
  actors: readonly { readonly tenantId: string; readonly actor: string }[],
): Promise<readonly ErasedActor[]> {
  if (actors.length === 0) return []
  const [rows] = await systemFlight(sql, (tx) => [
    tx<ErasedActor[]>`
      select e.tenant_id as "tenantId", e.actor, max(e.until) as until
      from unnest(${actors.map(({ tenantId }) => tenantId)}::uuid[], ${actors.map(({ actor }) => actor)}::text[])
        as wanted (tenant_id, actor)
      join person_erasures e on e.tenant_id = wanted.tenant_id and e.actor = wanted.actor
      group by e.tenant_id, e.actor`,
  ])
  return rows
}

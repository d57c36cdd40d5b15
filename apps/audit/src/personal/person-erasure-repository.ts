import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { WrappedActorKey } from './actor-keys.ts'

export interface PersonErasure {
  readonly tenantId: string
  readonly erasureId: string
  readonly actor: string
  readonly until: Date
}

/** Which keys an erasure is about, and whether they still wait for the end of a legal hold. */
export interface ErasureState {
  readonly keyIds: readonly string[]
  readonly held: boolean
}

/**
 * A row unless the erasure is known. It begins with the keys of the actor held: nothing is sealed under them any more, and
 * `endErasure` destroys them.
 */
export function beginErasure(tx: Tx, { tenantId, erasureId, actor, until }: PersonErasure) {
  return tx<{ erasure_id: string }[]>`
    with begun as (
      insert into person_erasures (tenant_id, erasure_id, actor, until, held)
      values (${tenantId}, ${erasureId}, ${actor}, ${until}, true)
      on conflict do nothing returning erasure_id
    )
    select erasure_id from begun`
}

export function holdActorKeys(tx: Tx, { tenantId, erasureId, actor }: PersonErasure) {
  return tx`
    with kept as (
      update actor_keys set held = true where tenant_id = ${tenantId} and actor = ${actor} returning key_id
    )
    update person_erasures set key_ids = array(select key_id from kept)
    where tenant_id = ${tenantId} and erasure_id = ${erasureId}`
}

/** The state of an erasure, and whether its tenant is on legal hold; nobody changes either until the transaction ends. */
export function lockErasure(tx: Tx, { tenantId, erasureId }: Pick<PersonErasure, 'tenantId' | 'erasureId'>) {
  return tx<(ErasureState & { actor: string })[]>`
    select actor, key_ids as "keyIds", held from person_erasures
    where tenant_id = ${tenantId} and erasure_id = ${erasureId} for update`
}

export async function isOnHold(tx: Tx, tenantId: string): Promise<boolean> {
  const [row] = await tx<{ held: boolean }[]>`
    select legal_hold as held from retention_settings where tenant_id = ${tenantId} for share`
  return row?.held ?? false
}

/** Destroys the keys that an erasure holds. */
export function endErasure(tx: Tx, { tenantId, erasureId }: Pick<PersonErasure, 'tenantId' | 'erasureId'>) {
  return tx`
    with ended as (
      update person_erasures set held = false, erased_at = now()
      where tenant_id = ${tenantId} and erasure_id = ${erasureId} returning key_ids
    )
    delete from actor_keys using ended
    where actor_keys.tenant_id = ${tenantId} and actor_keys.key_id = any (ended.key_ids)`
}

/** Erasures whose hold has ended, in the system scope. */
export function selectReleased(tx: Tx, max: number) {
  return tx<Pick<PersonErasure, 'tenantId' | 'erasureId' | 'actor'>[]>`
    select tenant_id as "tenantId", erasure_id as "erasureId", actor from person_erasures
    where held and not exists (
      select from retention_settings
      where retention_settings.tenant_id = person_erasures.tenant_id and retention_settings.legal_hold)
    order by erased_at limit ${max}`
}

/** Persons who were erased within the last `days` and do not wait for a hold, in the system scope. */
export function selectRecentlyErased(tx: Tx, days: number) {
  return tx<{ tenantId: string; actor: string }[]>`
    select distinct tenant_id as "tenantId", actor from person_erasures
    where not held and erased_at > now() - make_interval(days => ${days})`
}

interface ErasedActor {
  readonly tenantId: string
  readonly actor: string
  readonly until: Date
  /** The key that takes what comes late while a legal hold is in the way; null once it has gone. */
  readonly heldKeyId: string | null
  readonly wrapped: Uint8Array | null
}

/** Erasures of these actors. */
export async function findErased(
  sql: Sql,
  actors: readonly { readonly tenantId: string; readonly actor: string }[],
): Promise<readonly ErasedActor[]> {
  if (actors.length === 0) return []
  const [rows] = await systemFlight(sql, (tx) => [
    tx<ErasedActor[]>`
      select e.tenant_id as "tenantId", e.actor, e.until, k.key_id as "heldKeyId", k.wrapped
      from unnest(${actors.map(({ tenantId }) => tenantId)}::uuid[], ${actors.map(({ actor }) => actor)}::text[])
        as wanted (tenant_id, actor)
      join person_erasures e on e.tenant_id = wanted.tenant_id and e.actor = wanted.actor
      left join actor_keys k on e.held and k.tenant_id = e.tenant_id and k.key_id = e.key_ids[1]`,
  ])
  return rows
}

/** The held key of an erasure as `ActorKeys` opens it; null when it is not held. */
export function heldKeyOf({ tenantId, actor, heldKeyId: keyId, wrapped }: ErasedActor): WrappedActorKey | null {
  return keyId === null || wrapped === null ? null : { tenantId, actor, keyId, wrapped }
}

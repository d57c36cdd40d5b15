import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { WrappedActorKey } from './actor-keys.ts'

interface ActorRef {
  readonly tenantId: string
  readonly actor: string
}

/**
 * The current keys of actors; those who have none get what `create` wraps. Of two processes that make a key for the same actor,
 * one wins and both use that.
 */
export async function ensureActorKeys(
  sql: Sql,
  actors: readonly ActorRef[],
  create: (actor: ActorRef) => Buffer,
): Promise<WrappedActorKey[]> {
  if (actors.length === 0) return []
  return systemTransaction(sql, async (tx) => {
    const stored = await findKeys(tx, actors)
    const known = new Set(stored.map(nameOf))
    // In one order, so that two who make keys for the same actors do not wait for each other.
    const missing = actors.filter((actor) => !known.has(nameOf(actor))).toSorted(byName)
    if (missing.length === 0) return stored
    await insertKeys(tx, missing, missing.map(create))
    return findKeys(tx, actors)
  })
}

export function nameOf({ tenantId, actor }: ActorRef): string {
  return `${tenantId} ${actor}`
}

function byName(a: ActorRef, b: ActorRef): number {
  return nameOf(a) < nameOf(b) ? -1 : 1
}

function findKeys(tx: Tx, actors: readonly ActorRef[]) {
  return tx<WrappedActorKey[]>`
    select actor_keys.tenant_id as "tenantId", actor_keys.actor, key_id as "keyId", wrapped
    from unnest(${actors.map(({ tenantId }) => tenantId)}::uuid[], ${actors.map(({ actor }) => actor)}::text[])
      as wanted (tenant_id, actor)
    join actor_keys on actor_keys.tenant_id = wanted.tenant_id and actor_keys.actor = wanted.actor and not held`
}

function insertKeys(tx: Tx, actors: readonly ActorRef[], wrapped: readonly Buffer[]) {
  return tx`
    insert into actor_keys (tenant_id, actor, wrapped)
    select * from unnest(
      ${actors.map(({ tenantId }) => tenantId)}::uuid[], ${actors.map(({ actor }) => actor)}::text[],
      ${byteaArray(wrapped)}::bytea[]
    )
    on conflict (tenant_id, actor) where not held do nothing`
}

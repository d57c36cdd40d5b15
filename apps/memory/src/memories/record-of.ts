import type { Tx } from '@memoric/postgres/lease.ts'

type Fragment = ReturnType<Tx>

/**
 * What a memory has the words of: `handoff`, `knowledge`, `decision` or `task`, whose business it is to change or delete it; else null.
 * Asked for one by one, since a join may read all handoffs.
 */
export function recordOf(tx: Tx, tenant: Fragment, memory: Fragment): Fragment {
  return tx`coalesce(
    (select 'handoff' from handoffs r where r.tenant_id = ${tenant} and r.id = ${memory} limit 1),
    (select r.kind from notes r where r.tenant_id = ${tenant} and r.id = ${memory} limit 1),
    (select 'task' from tasks r where r.tenant_id = ${tenant} and r.id = ${memory} limit 1))`
}

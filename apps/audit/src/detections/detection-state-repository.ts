import { timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { placeOf, type State, type StatePlace } from './notice.ts'

/** What detections remember of these places, by `placeOf`. What has expired is not remembered. */
export async function readStates(tx: Tx, places: readonly StatePlace[], at: Date): Promise<Map<string, unknown>> {
  const distinct = [...new Map(places.map((place) => [placeOf(place), place])).values()]
  if (distinct.length === 0) return new Map()
  const rows = await tx<(StatePlace & { state: unknown })[]>`
    select s.tenant_id as "tenantId", s.detection, s.key, s.state
    from unnest(
      ${distinct.map(({ tenantId }) => tenantId)}::uuid[], ${distinct.map(({ detection }) => detection)}::text[],
      ${distinct.map(({ key }) => key)}::text[]
    ) as wanted (tenant_id, detection, key)
    join detection_states as s on s.tenant_id = wanted.tenant_id and s.detection = wanted.detection and s.key = wanted.key
    where s.expires_at > ${at}`
  return new Map(rows.map((row) => [placeOf(row), row.state]))
}

export function saveStates(tx: Tx, states: readonly State[]) {
  return tx`
    insert into detection_states (tenant_id, detection, key, state, expires_at)
    select tenant_id, detection, key, state::jsonb, expires_at from unnest(
      ${states.map(({ tenantId }) => tenantId)}::uuid[], ${states.map(({ detection }) => detection)}::text[],
      ${states.map(({ key }) => key)}::text[], ${states.map(({ state }) => JSON.stringify(state))}::text[],
      ${timestampArray(states.map(({ expiresAt }) => new Date(expiresAt)))}::timestamptz[]
    ) as changed (tenant_id, detection, key, state, expires_at)
    on conflict (tenant_id, detection, key) do update set state = excluded.state, expires_at = excluded.expires_at`
}

/** Some of what has expired. */
export function deleteExpiredStates(tx: Tx) {
  return tx`
    delete from detection_states where (tenant_id, detection, key) in (
      select tenant_id, detection, key from detection_states where expires_at < now() limit 5000)`
}

import type { Retention } from '@memoric/contracts/audit-proof-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export async function findRetention(tx: Tx, tenantId: string): Promise<Retention | undefined> {
  const [row] = await tx<Retention[]>`
    select retention_days, legal_hold from retention_settings where tenant_id = ${tenantId}`
  return row
}

export function saveRetention(tx: Tx, tenantId: string, { retention_days: days, legal_hold: hold }: Retention) {
  return tx`
    insert into retention_settings (tenant_id, retention_days, legal_hold) values (${tenantId}, ${days}, ${hold})
    on conflict (tenant_id) do update set retention_days = excluded.retention_days, legal_hold = excluded.legal_hold`
}

/** What a run dropped of one tenant in one month. */
export interface RetentionRun {
  readonly partition: string
  readonly tenant_id: string
  readonly lines: number
  readonly first_index: number
  readonly last_index: number
  /** Which tenant_seq went. */
  readonly sequences: readonly SequenceRange[]
  readonly tree_size: number
}

/** Both ends included. */
export type SequenceRange = readonly [from: number, to: number]

interface RangeColumns {
  readonly first: readonly number[]
  readonly last: readonly number[]
}

type RunRow = Omit<RetentionRun, 'sequences'> & RangeColumns

/** Drops what may go and says what it was; `defaultDays` is for tenants without settings, null keeps theirs. */
export async function dropExpired(tx: Tx, defaultDays: number | null): Promise<RetentionRun[]> {
  const rows = await tx<RunRow[]>`
    select partition, tenant_id, lines, first_index, last_index, tree_size,
      array(select lower(part) from unnest(sequences) as part) as first,
      array(select upper(part) - 1 from unnest(sequences) as part) as last
    from drop_expired_partitions(${defaultDays}::integer)`
  return rows.map(({ first, last, ...run }) => ({ ...run, sequences: toRanges({ first, last }) }))
}

/** By tenant every tenant_seq that went until now. */
export async function selectDropped(tx: Tx, tenantIds: readonly string[]): Promise<Map<string, SequenceRange[]>> {
  const rows = await tx<({ tenant_id: string } & RangeColumns)[]>`
    select tenant_id, array(select lower(part) from unnest(gone) as part) as first,
      array(select upper(part) - 1 from unnest(gone) as part) as last
    from (
      select tenant_id, range_agg(part) as gone from retention_runs cross join unnest(sequences) as part
      where tenant_id = any(${[...tenantIds]}::uuid[]) group by tenant_id
    ) as dropped`
  return new Map(rows.map(({ tenant_id: tenantId, ...ranges }) => [tenantId, toRanges(ranges)]))
}

function toRanges({ first, last }: RangeColumns): SequenceRange[] {
  return first.map((from, at) => [from, last[at] ?? from])
}

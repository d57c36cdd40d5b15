import postgres from 'postgres'

/** Superuser's view of the databases of a stack. */
export interface Databases {
  readonly auth: postgres.Sql
  readonly memory: postgres.Sql
  readonly audit: postgres.Sql
  close: () => Promise<void>
}

export function openDatabases(adminUrl: string): Databases {
  const open = (name: string) =>
    postgres(Object.assign(new URL(adminUrl), { pathname: `/memoric_${name}` }).href, { max: 2 })
  const [auth, memory, audit] = [open('auth'), open('memory'), open('audit')]
  return {
    auth,
    memory,
    audit,
    async close() {
      await Promise.all([auth.end(), memory.end(), audit.end()])
    },
  }
}

/** Events in the outboxes that are not in the log. */
export async function undelivered({ auth, memory, audit }: Databases): Promise<number> {
  const outboxes = await Promise.all(
    [auth, memory, audit].map((sql) => sql<{ id: string }[]>`select event_id as id from outbox`),
  )
  const ids = outboxes.flat().map(({ id }) => id)
  const [row] = await audit<{ count: number }[]>`
    select count(*)::int as count from audit_logs where event_id = any(${ids}::uuid[])`
  return ids.length - (row?.count ?? 0)
}

/** Lines of the log behind the last signed checkpoint. */
export async function unsigned({ audit }: Databases): Promise<number> {
  const [row] = await audit<{ count: number }[]>`
    select (size - coalesce((select max(size) from checkpoints), 0))::int as count from log_state`
  return row?.count ?? 0
}

export async function memoryIds({ memory }: Databases, tenantId: string): Promise<string[]> {
  const rows = await memory<{ id: string }[]>`select id from memories where tenant_id = ${tenantId}`
  return rows.map(({ id }) => id)
}

/** How often each memory was logged as created. */
export async function createdLines({ audit }: Databases, tenantId: string): Promise<Map<string, number>> {
  const rows = await audit<{ id: string; count: number }[]>`
    select resource_id as id, count(*)::int as count from audit_logs
    where tenant_id = ${tenantId} and operation = 'memory.created' group by resource_id`
  return new Map(rows.map(({ id, count }) => [id, count]))
}

/** How many lines there are, in which of them the numbers have a gap or repeat: of the log, and of each tenant. */
export async function gaps({ audit }: Databases): Promise<{ lines: number; ofLog: number; ofTenants: number }> {
  const [row] = await audit<{ lines: number; of_log: number; of_tenants: number }[]>`
    select count(*)::int as lines,
      count(*) filter (where log_index <> place - 1)::int as of_log,
      count(*) filter (where tenant_seq <> place_of_tenant)::int as of_tenants
    from (
      select log_index, tenant_seq, row_number() over (order by log_index) as place,
        row_number() over (partition by tenant_id order by tenant_seq) as place_of_tenant
      from audit_logs
    ) as lines`
  return { lines: row?.lines ?? 0, ofLog: row?.of_log ?? -1, ofTenants: row?.of_tenants ?? -1 }
}

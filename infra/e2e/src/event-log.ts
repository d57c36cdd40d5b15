import type { Stack } from './use-stack.ts'

/** How often each memory has a line `memory.created` in the log of a tenant. */
export async function createdCounts({ admin }: Stack, tenantId: string): Promise<Map<string, number>> {
  const rows = await admin.audit<{ id: string; count: number }[]>`
    select resource_id as id, count(*)::int as count from audit_logs
    where tenant_id = ${tenantId} and operation = 'memory.created' group by resource_id`
  return new Map(rows.map(({ id, count }) => [id, count]))
}

/** Ids of the memories of a tenant, as the memory service has them. */
export async function storedMemories({ admin }: Stack, tenantId: string): Promise<string[]> {
  const rows = await admin.memory<{ id: string }[]>`select id from memories where tenant_id = ${tenantId}`
  return rows.map(({ id }) => id)
}

/** How many lines of the log of a tenant tell of an alert: those come from the log itself. */
export async function alertLines({ admin }: Stack, tenantId: string): Promise<number> {
  const rows = await admin.audit`
    select 1 from audit_logs where tenant_id = ${tenantId} and operation = 'alert.raised'`
  return rows.length
}

/** Throws unless the log of a tenant counts 1, 2, 3 ... without a gap. Gives its length. */
export async function denseLength({ admin }: Stack, tenantId: string): Promise<number> {
  const rows = await admin.audit<{ seq: number }[]>`
    select tenant_seq::int as seq from audit_logs where tenant_id = ${tenantId} order by tenant_seq`
  for (const [at, { seq }] of rows.entries())
    if (seq !== at + 1) throw new Error(`line ${at + 1} has the number ${seq}`)
  return rows.length
}

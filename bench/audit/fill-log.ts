import type { Sql } from '@memoric/postgres/client.ts'

/** Adds lines to the tables behind the service's back until there are `count`: copies of those that are there, in the same tenants. */
export async function fillLog(admin: Sql, count: number): Promise<void> {
  await admin`
    insert into audit_logs (
      log_index, event_id, tenant_id, tenant_seq, occurred_at, received_at, source, actor_type, actor_id, operation,
      resource_type, resource_id, outcome, reason, endpoint, method, status_code, duration_ms, request_id, details, canonical
    )
    select
      size + row_number() over () - 1,
      (left(event_id::text, 15) || substr(gen_random_uuid()::text, 16))::uuid,
      tenant_id, last_seq + row_number() over (partition by tenant_id), occurred_at, received_at, source, actor_type, actor_id,
      operation, resource_type, gen_random_uuid()::text, outcome, reason, endpoint, method, status_code, duration_ms,
      gen_random_uuid()::text, details, canonical
    from (select count(*) as size from audit_logs) as log,
      generate_series(1, ${count}::bigint / greatest(log.size, 1) + 1) as copy,
      audit_logs join (select tenant_id, max(tenant_seq) as last_seq from audit_logs group by 1) as tenants using (tenant_id)
    limit greatest(0, ${count}::bigint - (select count(*) from audit_logs))`
  await admin`vacuum analyze audit_logs`
}

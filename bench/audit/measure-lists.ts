import { randomInt } from 'node:crypto'
import { listAuditLogs } from '@memoric/app-audit/log/list-audit-logs.ts'
import { listAuditLogsQuery } from '@memoric/contracts/audit-contract.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { encodeCursor } from '@memoric/service/cursor.ts'
import { createLogger } from '@memoric/service/logger.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { type AuditRow, percentile, spread, timesOf } from './audit-row.ts'
import { fillLog } from './fill-log.ts'
import { callerOf } from './make-audit-events.ts'
import type { AuditBench } from './open-audit-bench.ts'

const PAGES = 400
const LIMIT_MS = 20

/** Pages of 50 of a tenant among `lines` lines, without HTTP: newest, anywhere, by operation, by actor; each read is logged. */
export async function measureLists({ admin, sql, intake }: AuditBench, lines: number): Promise<AuditRow> {
  await fillLog(admin, lines)
  const [tenant] = await admin<{ id: TenantId; last: number }[]>`
    select tenant_id as id, max(tenant_seq)::int as last from audit_logs group by tenant_id order by 2 desc limit 1`
  if (tenant === undefined) throw new Error('the log is empty')
  const anywhere = () => encodeCursor({ before: randomInt(60, tenant.last) })
  const queries: readonly (() => object)[] = [
    () => ({}),
    () => ({ cursor: anywhere() }),
    () => ({ operation: 'memory.created', cursor: anywhere() }),
    () => ({ actor: `user-${randomInt(50)}` }),
  ]
  const deps = { ...intake, sql, log: createLogger({ app: 'audit', level: 'silent' }) }
  let at = 0
  const read = () => {
    const query = listAuditLogsQuery.parse(queries[at++ % queries.length]?.())
    return listAuditLogs(deps, {
      query,
      params: undefined,
      body: undefined,
      headers: undefined,
      context: contextOf(tenant.id),
    })
  }
  await timesOf(20, read)
  const taken = await timesOf(PAGES, read)
  return {
    what: `a page of 50 among ${lines} lines`,
    seen: spread(taken, 95),
    budget: `p95 < ${LIMIT_MS} ms`,
    kept: percentile(taken, 0.95) < LIMIT_MS,
  }
}

function contextOf(tenantId: TenantId): RequestContext {
  return {
    caller: callerOf(tenantId, 'user-0'),
    endpoint: '/v1/audit/logs',
    method: 'GET',
    startedAt: performance.now(),
  }
}

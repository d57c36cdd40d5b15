import { QUOTAS, type QuotaName } from '@memoric/contracts/quota-contract.ts'
import { errorCode } from '@memoric/postgres/database-error.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { OVER_QUOTA } from './quota-repository.ts'
import { type Amount, plus, quotaExceeded } from './quota-rules.ts'
import type { TenantUsage } from './tenant-usage.ts'

/** More than any one memory takes, sealed, bytes. */
const MOST_BYTES = 131_072

/** Runs a write with the quotas that it has to keep, read anew when they are nearly used up; counts what did not fit. */
export async function withQuotas<R>(
  { quotas }: Pick<MemoryDeps, 'quotas'>,
  tenantId: string,
  write: (usage: TenantUsage) => Promise<R>,
): Promise<R> {
  const known = await quotas.of(tenantId)
  const isClose = missing(known, { memories: 1, bytes: MOST_BYTES }) !== undefined
  const usage = isClose ? await quotas.fresh(tenantId) : known
  return write(usage).catch((error: unknown) => {
    const refusal = refusalOf(error)
    if (refusal?.detail !== undefined) quotas.noteRefusal(refusal.detail as QuotaName)
    throw refusal ?? error
  })
}

/** Throws AppError `quota_exceeded` when the tenant has no room for so much more. */
export function requireRoom(usage: TenantUsage, more: Amount): void {
  const quota = missing(usage, more)
  if (quota !== undefined) throw quotaExceeded(quota)
}

function missing({ used, limits: { tenant } }: TenantUsage, more: Amount): QuotaName | undefined {
  const then = plus(used, more)
  if (more.memories > 0 && then.memories > tenant.memories) return 'tenant.memories'
  return then.bytes > tenant.bytes ? 'tenant.bytes' : undefined
}

/** What the database, or requireRoom, refused for a quota. */
function refusalOf(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error.code === 'quota_exceeded' ? error : undefined
  if (errorCode(error) !== OVER_QUOTA || !(error instanceof Error)) return undefined
  const quota = QUOTAS.find((name) => 'detail' in error && error.detail === name) ?? 'subject.bytes'
  return quotaExceeded(quota)
}

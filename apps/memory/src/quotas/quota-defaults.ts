import type { MemoryConfig } from '../config.ts'
import type { QuotaLimits } from './quota-rules.ts'

/** Quotas of tenants that have none of their own. */
export function quotaDefaults(config: MemoryConfig): QuotaLimits {
  return {
    tenant: { memories: config.QUOTA_TENANT_MEMORIES, bytes: config.QUOTA_TENANT_BYTES },
    subject: { memories: config.QUOTA_SUBJECT_MEMORIES, bytes: config.QUOTA_SUBJECT_BYTES },
  }
}

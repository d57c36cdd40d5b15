import type { Tx } from '@memoric/postgres/lease.ts'

export function selectFingerprints(tx: Tx, tenantId: string, ids: readonly string[]) {
  return tx<{ id: string; fingerprint: Buffer }[]>`
    select id, fingerprint from memories where tenant_id = ${tenantId} and id = any (${[...ids]}::uuid[])`
}

import type { TenantId } from '@memoric/contracts/ids.ts'
import { wipe } from '@memoric/crypto/bytes.ts'
import type { KekRing } from '@memoric/crypto/kek.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { WrappedTenantKey } from './key-repository.ts'
import { tenantKeyContext } from './key-wrapping.ts'

interface TenantKeyRow extends WrappedTenantKey {
  readonly tenant_id: TenantId
}

const BATCH = 100

/**
 * Wraps the keys of tenants with the current key encryption key where an older one still wraps them, and tells after each
 * batch how many are done and how many there were. Each key is replaced on its own, so it may stop and begin again at any time.
 * Throws CryptoError `unknown_key` when an older key is not configured any more, `kek_unavailable`.
 */
export async function rewrapTenantKeys(
  sql: Sql,
  keks: KekRing,
  progress: (done: number, total: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<number> {
  const [[counted]] = await systemFlight(sql, (tx) => [
    tx<{ count: number }[]>`select count(*)::int as count from tenant_keys where kek_id <> ${keks.id}`,
  ])
  const total = counted?.count ?? 0
  let done = 0
  while (signal?.aborted !== true) {
    const [rows] = await systemFlight(sql, (tx) => [
      tx<TenantKeyRow[]>`
        select tenant_id, version, kek_id as "kekId", wrapped from tenant_keys
        where kek_id <> ${keks.id} order by kek_id, tenant_id limit ${BATCH}`,
    ])
    if (rows.length === 0) break
    for (const row of rows) await rewrap(sql, keks, row)
    done += rows.length
    progress(done, Math.max(total, done))
  }
  return done
}

/** Does so while the service runs: after a start with another key encryption key, everything is under that one soon. */
export function rewrapInBackground(sql: Sql, keks: KekRing, log: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const progress = (done: number, total: number): void =>
    log.info({ done, total, kek: keks.id }, 'keys of tenants wrapped with the current key encryption key')
  const running = rewrapTenantKeys(sql, keks, progress, stopping.signal).catch((error: unknown) =>
    log.error({ err: error }, 'some keys of tenants are still wrapped with an older key encryption key'),
  )
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

async function rewrap(sql: Sql, keks: KekRing, row: TenantKeyRow): Promise<void> {
  const context = tenantKeyContext(row.tenant_id, row.version)
  const key = await keks.unwrap(row, context)
  const { kekId, wrapped } = await keks.wrap(key, context)
  wipe(key)
  await systemFlight(sql, (tx) => [
    tx`
      update tenant_keys set kek_id = ${kekId}, wrapped = ${wrapped}
      where tenant_id = ${row.tenant_id} and version = ${row.version} and kek_id = ${row.kekId}`,
  ])
}

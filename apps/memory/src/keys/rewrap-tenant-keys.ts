import type { TenantId } from '@memoric/contracts/ids.ts'
import { wipe } from '@memoric/crypto/bytes.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
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

/** Keys of tenants that an older key encryption key wraps are wrapped with the current one. */
export interface Rewrapping {
  /** Those that are still to be wrapped, of those seen last. */
  waiting(): number
  stop(): Promise<void>
}

export interface RewrappingOptions {
  readonly sql: Sql
  readonly keks: KekRing
  readonly log: Logger
  /** Ms between two looks: for what failed, and for keys that a process with the older configuration made meanwhile. */
  readonly everyMs?: number
}

/** Does so while the service runs: after a start with another key encryption key, everything is under that one soon. */
export function rewrapInBackground({ everyMs = 60_000, ...deps }: RewrappingOptions): Rewrapping {
  const stopping = new AbortController()
  let waiting = 0
  let timer: NodeJS.Timeout | undefined
  let looking = look()
  return {
    waiting: () => waiting,
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      await looking
    },
  }

  async function look(): Promise<void> {
    await rewrapAll(deps, stopping.signal, (left) => (waiting = left)).catch((error: unknown) =>
      deps.log.error({ err: error }, 'some keys of tenants are still wrapped with an older key encryption key'),
    )
    if (!stopping.signal.aborted) timer = setTimeout(() => void (looking = look()), everyMs).unref()
  }
}

type RewrapDeps = Omit<RewrappingOptions, 'everyMs'>

/**
 * Tells how many are left, before the first and after each batch. Each key is replaced on its own, so it may stop and begin again at any time,
 * and one that does not open leaves the others alone. Throws CryptoError `kek_unavailable`.
 */
async function rewrapAll(deps: RewrapDeps, signal: AbortSignal, tell: (left: number) => void): Promise<void> {
  const { sql, keks, log } = deps
  const [[counted]] = await systemFlight(sql, (tx) => [
    tx<{ count: number }[]>`select count(*)::int as count from tenant_keys where kek_id <> ${keks.id}`,
  ])
  const total = counted?.count ?? 0
  tell(total)
  let done = 0
  for (let last: TenantKeyRow | undefined; !signal.aborted;) {
    const rows = await selectOlder(deps, last)
    if (rows.length === 0) return
    for (const row of rows) done += (await attempt(deps, row)) ? 1 : 0
    tell(Math.max(0, total - done))
    log.info({ done, total, kek: keks.id }, 'keys of tenants wrapped with the current key encryption key')
    last = rows.at(-1)
  }
}

async function selectOlder({ sql, keks }: RewrapDeps, last: TenantKeyRow | undefined): Promise<TenantKeyRow[]> {
  const { tenant_id: tenantId = null, version = null } = last ?? {}
  const [rows] = await systemFlight(sql, (tx) => [
    tx<TenantKeyRow[]>`
      select tenant_id, version, kek_id as "kekId", wrapped from tenant_keys
      where kek_id <> ${keks.id} and (${tenantId}::uuid is null or (tenant_id, version) > (${tenantId}, ${version}::int))
      order by tenant_id, version limit ${BATCH}`,
  ])
  return rows
}

/** False for a key that does not open: it is damaged, or its key encryption key is not configured any more. */
async function attempt({ sql, keks, log }: RewrapDeps, row: TenantKeyRow): Promise<boolean> {
  try {
    await rewrap(sql, keks, row)
    return true
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code === 'kek_unavailable') throw error
    const { tenant_id: tenant, version, kekId } = row
    log.error({ err: error, tenant, version, kek: kekId }, 'the key of a tenant cannot be wrapped anew')
    return false
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

import type { Tx } from '@memoric/postgres/lease.ts'

/** A refresh token that is stored, and the session that it continues. */
export interface RefreshTokenPlace {
  readonly tenantId: string
  readonly sessionId: string
  /** SHA-256 of the token. */
  readonly hash: Buffer
}

export interface RefreshTokenRow {
  /** Seconds since it was exchanged; null when it was not. */
  readonly used_seconds_ago: number | null
  readonly successor_sealed: Uint8Array | null
}

/** Finds a token before its tenant is known. */
export function findRefreshToken(tx: Tx, hash: Buffer) {
  return tx<RefreshTokenPlace[]>`
    select tenant_id as "tenantId", session_id as "sessionId", hash from refresh_tokens where hash = ${hash}`
}

/** By the clock of this moment: the transaction may have waited for the lock of the session since it began. */
export function selectRefreshToken(tx: Tx, { tenantId, hash }: RefreshTokenPlace) {
  return tx<RefreshTokenRow[]>`
    select extract(epoch from clock_timestamp() - used_at)::float8 as used_seconds_ago, successor_sealed
    from refresh_tokens where tenant_id = ${tenantId} and hash = ${hash}`
}

export function insertRefreshToken(tx: Tx, { tenantId, sessionId, hash }: RefreshTokenPlace) {
  return tx`
    insert into refresh_tokens (tenant_id, hash, session_id) values (${tenantId}, ${hash}, ${sessionId})`
}

export function markRefreshTokenUsed(tx: Tx, { tenantId, hash }: RefreshTokenPlace, successorSealed: Uint8Array) {
  return tx`
    update refresh_tokens set used_at = clock_timestamp(), successor_sealed = ${successorSealed}
    where tenant_id = ${tenantId} and hash = ${hash}`
}

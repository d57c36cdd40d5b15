import { hashToken, isToken } from '@memoric/crypto/opaque-token.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { findRefreshToken, type RefreshTokenPlace } from './refresh-token-repository.ts'
import { REFRESH_TOKEN_PREFIX } from './new-session.ts'

/** Where a refresh token is stored, or null when it is none of ours. Text that cannot be a token costs no query. */
export async function findPresentedToken(sql: Sql, token: string): Promise<RefreshTokenPlace | null> {
  if (!isToken(REFRESH_TOKEN_PREFIX, token)) return null
  const [rows] = await systemFlight(sql, (tx) => [findRefreshToken(tx, hashToken(token))])
  return rows[0] ?? null
}

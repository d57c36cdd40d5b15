import { createToken, hashToken, isToken } from '@memoric/crypto/opaque-token.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { UserRow } from '../accounts/user-repository.ts'
import { insertToken, selectUserOfToken } from './one-time-token-repository.ts'

/** What a token from a mail is good for. */
export type TokenPurpose = 'password_reset' | 'email_verification'

const PREFIX = { password_reset: 'mp', email_verification: 'mv' } as const

/** Tokens of a user for one purpose that work at the same time; one more ends the oldest. */
const LIVE_TOKENS = 3

/** Makes a token for a mail; only its hash is stored. */
export async function newToken(
  tx: Tx,
  user: Pick<UserRow, 'tenant_id' | 'id'>,
  purpose: TokenPurpose,
  minutes: number,
): Promise<string> {
  const token = createToken(PREFIX[purpose])
  const place = { tenantId: user.tenant_id, userId: user.id, purpose }
  await insertToken(tx, place, { hash: hashToken(token), minutes, keep: LIVE_TOKENS })
  return token
}

/** The user of a token that works. Throws AppError `invalid_token`; text that cannot be a token costs no query. */
export async function findUserOfToken(sql: Sql, purpose: TokenPurpose, token: string): Promise<UserRow> {
  if (!isToken(PREFIX[purpose], token)) throw new AppError('invalid_token')
  const [[user]] = await systemFlight(sql, (tx) => [selectUserOfToken(tx, purpose, hashToken(token))])
  if (user === undefined) throw new AppError('invalid_token')
  return user
}

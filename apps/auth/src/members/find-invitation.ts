import { hashToken, isToken } from '@memoric/crypto/opaque-token.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { findInvitationRow, type PresentedInvitation } from './invitation-repository.ts'
import { statusOf } from './invitation-view.ts'

export const INVITATION_TOKEN_PREFIX = 'mi'

/** The open invitation of a token. Throws AppError `invalid_token` for every other; text that cannot be a token costs no query. */
export async function findInvitation(sql: Sql, token: string): Promise<PresentedInvitation> {
  if (!isToken(INVITATION_TOKEN_PREFIX, token)) throw new AppError('invalid_token')
  const [[row]] = await systemFlight(sql, (tx) => [findInvitationRow(tx, hashToken(token))])
  if (row === undefined || statusOf(row) !== 'open') throw new AppError('invalid_token')
  return row
}

import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { exchangeToken } from './exchange-token.ts'
import { findPresentedToken } from './find-presented-token.ts'
import { tokenPair } from './token-pair.ts'
import { announceRevoked } from '../announce-revoked.ts'

/** Continues a session with a new pair of tokens. */
export function refresh(deps: Deps): Handler<'refresh'> {
  return async ({ body, context }) => {
    const presented = await findPresentedToken(deps.sql, body.refresh_token)
    if (presented === null) throw new AppError('invalid_token')
    const { session } = await tenantTransaction(deps.sql, tenantScope(presented.tenantId), (tx) =>
      exchangeToken(tx, deps, presented, context),
    )
    deps.relay.wake()
    if (session === null) {
      announceRevoked(deps, [presented.sessionId])
      throw new AppError('refresh_token_reused')
    }
    return { status: 200, body: await tokenPair(deps.accessTokens, session) }
  }
}

import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { requireSession } from './require-session.ts'
import { selectLiveSessions } from './live-session-repository.ts'
import { sessionView } from './session-view.ts'

/** Lists the live sessions of the user who asks. */
export function listSessions(deps: Deps): Handler<'listSessions'> {
  return async ({ context }) => ({ status: 200, body: { items: await liveSessions(deps, context.caller) } })
}

/** Reads one of them; a user has few. */
export function getSession(deps: Deps): Handler<'getSession'> {
  return async ({ params, context }) => {
    const found = (await liveSessions(deps, context.caller)).find(({ id }) => id === params.id)
    if (found === undefined) throw new AppError('session_not_found')
    return { status: 200, body: found }
  }
}

async function liveSessions({ config, keys, sql }: Deps, caller: Caller) {
  const { userId, sessionId } = requireSession(caller)
  const [rows] = await tenantFlight(sql, tenantScope(caller.tenantId), (tx) => [
    selectLiveSessions(tx, caller.tenantId, userId, config),
  ])
  return rows.map((row) => sessionView(keys.personal, row, sessionId))
}

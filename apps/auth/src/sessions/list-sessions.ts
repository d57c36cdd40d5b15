import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { requireSession } from './require-session.ts'
import { selectLiveSessions } from './live-session-repository.ts'
import { sessionView } from './session-view.ts'

/** Lists the live sessions of the user who asks. */
export function listSessions({ config, keys, sql }: Deps): Handler<'listSessions'> {
  return async ({ context: { caller } }) => {
    const { userId, sessionId } = requireSession(caller)
    const [rows] = await tenantFlight(sql, tenantScope(caller.tenantId), (tx) => [
      selectLiveSessions(tx, caller.tenantId, userId, config),
    ])
    return { status: 200, body: { items: rows.map((row) => sessionView(keys.personal, row, sessionId)) } }
  }
}

import type { Sql } from '@memoric/postgres/client.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { selectRefusal } from './vector-repository.ts'

/** Which tenants give nothing to the endpoint, as it was some seconds ago at most. */
export interface Refusals {
  refuses(tenantId: string): Promise<boolean>
}

const KEPT_MS = 5000
const MOST_KEPT = 10_000

export function createRefusals(sql: Sql, now = Date.now): Refusals {
  const known = new Map<string, { readonly answer: Promise<boolean>; readonly until: number }>()
  return {
    refuses(tenantId) {
      const found = known.get(tenantId)
      if (found !== undefined && found.until > now()) return found.answer
      if (known.size >= MOST_KEPT) known.clear()
      const answer = ask(tenantId)
      known.set(tenantId, { answer, until: now() + KEPT_MS })
      answer.catch(() => known.delete(tenantId))
      return answer
    },
  }

  async function ask(tenantId: string): Promise<boolean> {
    const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectRefusal(tx, tenantId)])
    return rows.length > 0
  }
}

import type { session } from '@memoric/contracts/session-contract.ts'
import { sessionId } from '@memoric/contracts/ids.ts'
import { z } from 'zod'
import type { FieldSealer } from '../keys/field-sealer.ts'
import type { SessionRow } from './live-session-repository.ts'

const client = z.object({ ip_address: z.string().nullable(), user_agent: z.string().nullable() })

/** A session as the API answers it; `current` is the id of the one that asks. */
export function sessionView(personal: FieldSealer, row: SessionRow, current: string): z.input<typeof session> {
  return {
    // From a row: ids are made here.
    id: sessionId.parse(row.id),
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    idle_expires_at: row.idle_expires_at.toISOString(),
    method: row.method,
    ...openClient(personal, row),
    current: row.id === current,
  }
}

function openClient(
  personal: FieldSealer,
  { tenant_id, id, client_sealed: sealed }: SessionRow,
): z.infer<typeof client> {
  if (sealed === null) return { ip_address: null, user_agent: null }
  return client.parse(JSON.parse(personal.open({ tenantId: tenant_id, recordId: id, field: 'session_client' }, sealed)))
}

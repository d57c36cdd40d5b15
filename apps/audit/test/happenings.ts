import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { EventId, TenantId } from '@memoric/contracts/ids.ts'
import type { EventInput, OutboxEvent } from '@memoric/service/event-factory.ts'
import { createUuidV7, uuidV7 } from '@memoric/service/uuid-v7.ts'
import { makeEvent } from './make-event.ts'

export const SECOND = 1000
export const HOUR = 3600 * SECOND
export const DAY = 24 * HOUR

export function newTenant(): TenantId {
  return uuidV7() as TenantId
}

const anonymous = { type: 'anonymous', id: 'anonymous' } as const

/** What happens in a tenant. Times are ms before now. */
export function happenings(tenantId: TenantId) {
  const event = (input: Partial<EventInput>, caller: Partial<Caller> = {}, ago = 0): OutboxEvent => {
    const at = Date.now() - ago
    const id = createUuidV7(() => at)() as EventId
    return makeEvent({ happened: { id, at }, ...input }, { tenantId, ...caller })
  }
  return {
    event,
    failedSignIn: (userId: string | null, { ago = 0, address = '198.51.100.7', email = 'ada@example.org' } = {}) =>
      event(
        {
          type: 'auth.login.failed',
          resourceId: userId,
          outcome: 'failure',
          reason: 'wrong_password',
          statusCode: 401,
          email,
        },
        { principal: anonymous, clientAddress: address },
        ago,
      ),
    signIn: (userId: string, { ago = 0 } = {}) =>
      event(
        {
          type: 'auth.login.succeeded',
          actor: `user:${userId}`,
          resourceId: randomUUID(),
          statusCode: 200,
          details: { user_id: userId },
        },
        { principal: anonymous },
        ago,
      ),
    byKey: (keyId: string, { ago = 0, address = '198.51.100.7' } = {}, input: Partial<EventInput> = {}) =>
      event(
        { type: 'memory.read', statusCode: 200, ...input },
        { principal: { type: 'api_key', id: keyId }, clientAddress: address },
        ago,
      ),
    byUser: (userId: string, input: Partial<EventInput>, { ago = 0 } = {}) =>
      event(input, { principal: { type: 'user', id: userId } }, ago),
  }
}

import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EventFactory, OutboxEvent } from '@memoric/service/event-factory.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'

const USERS = 50
const TENANTS = Array.from({ length: 20 }, () => uuidV7() as TenantId)

/** Events of writes, from some tenants and users. */
export function makeAuditEvents(factory: EventFactory, count: number): OutboxEvent[] {
  return Array.from({ length: count }, (_, at) =>
    factory({
      type: 'memory.created',
      context: {
        caller: callerOf(TENANTS[at % TENANTS.length] ?? (uuidV7() as TenantId), `user-${at % USERS}`),
        endpoint: '/v1/memories',
        method: 'POST',
        startedAt: performance.now(),
      },
      resourceId: uuidV7(),
      statusCode: 201,
      details: { subject_id: `subject-${at % 1000}`, namespace: 'default', tier: 'short_term', characters: 200 },
    }),
  )
}

/** A user of a tenant, at a browser. */
export function callerOf(tenantId: TenantId, user: string): Caller {
  return {
    tenantId,
    principal: { type: 'user', id: user },
    sessionId: null,
    permissions: [],
    subjects: '*',
    namespaces: '*',
    requestId: randomUUID(),
    clientAddress: '192.0.2.77',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  }
}

import { randomBytes } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { createEventFactory, type EventInput, type OutboxEvent } from '@memoric/service/event-factory.ts'

export const personalDataSecret = randomBytes(32)

export const TENANT_A = '0198c0de-0000-7000-8000-00000000000a' as TenantId
export const TENANT_B = '0198c0de-0000-7000-8000-00000000000b' as TenantId

const factory = createEventFactory({ app: 'memory', personalDataKey: createSealingKey(1, personalDataSecret) })

export function makeCaller(partial: Partial<Caller> = {}): Caller {
  return {
    tenantId: TENANT_A,
    principal: { type: 'user', id: 'ada' },
    sessionId: null,
    permissions: ['audit:read'],
    subjects: '*',
    namespaces: '*',
    requestId: 'request-1',
    clientAddress: '192.0.2.77',
    userAgent: 'PlantedAgent/1.0',
    ...partial,
  }
}

/** An event of the memory service, as it lies in its outbox. */
export function makeEvent(partial: Partial<EventInput> = {}, caller: Partial<Caller> = {}): OutboxEvent {
  return factory({
    type: 'memory.created',
    context: { caller: makeCaller(caller), endpoint: '/v1/memories', method: 'POST', startedAt: performance.now() },
    resourceId: '0198c0de-0000-7000-8000-0000000000ff',
    statusCode: 201,
    ...partial,
  })
}

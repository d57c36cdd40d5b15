import { eventStreamRoutes } from '@memoric/contracts/event-stream-contract.ts'
import { GATEWAY_EVENTS_PATH, type GatewayEvent, gatewayEventsBody } from '@memoric/contracts/gateway-events.ts'
import { REFUSING_APP } from '@memoric/contracts/refusals.ts'
import { outboxInsertNew } from '@memoric/postgres/outbox.ts'
import { createSystemStore, type SystemStore } from '@memoric/postgres/system-store.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { createEventFactory, createPersonalDataKey, type EventFactory } from '@memoric/service/event-factory.ts'
import { faults } from '@memoric/service/implement-routes.ts'
import { hashValues, startEvents, stopEvent, systemContext } from '@memoric/service/system-events.ts'
import type { FastifyInstance } from 'fastify'
import type { Deps } from '../deps.ts'

type GatewayEventsDeps = Pick<Deps, 'config' | 'sql' | 'relay'>

interface Tools extends GatewayEventsDeps {
  readonly events: EventFactory
  readonly store: SystemStore
}

/** Takes what a gateway tells of itself into the outbox. Needs the caller plugin. */
export function useGatewayEvents(app: FastifyInstance, deps: GatewayEventsDeps): void {
  const personalDataKey = createPersonalDataKey(deps.config.PERSONAL_DATA_KEY)
  const events = createEventFactory({ app: REFUSING_APP, personalDataKey })
  const tools = { ...deps, events, store: createSystemStore(deps.sql, REFUSING_APP) }
  app.post(GATEWAY_EVENTS_PATH, async (request, reply) => {
    if (request.caller.principal.type !== 'service') throw new AppError('permission_denied')
    const body = gatewayEventsBody.safeParse(request.body)
    if (!body.success) throw new AppError('validation_failed', { errors: faults(body.error) })
    for (const event of body.data.events) await keep(tools, event)
    deps.relay.wake()
    return reply.code(204).send()
  })
}

async function keep({ config, sql, events, store }: Tools, event: GatewayEvent): Promise<void> {
  const context = systemContext(REFUSING_APP)
  if (event.kind === 'started') {
    // Auth has migrations of its own; a gateway has none.
    const hashes = hashValues(event.configuration, config.PERSONAL_DATA_KEY)
    await store.start(hashes, (before, now) =>
      startEvents(events, REFUSING_APP, context, before, { ...now, migrations: before?.migrations ?? [] }),
    )
  } else if (event.kind === 'stopped') {
    await store.tell([stopEvent(events, REFUSING_APP, context)])
  } else {
    await systemFlight(sql, (tx) => [outboxInsertNew(tx, [subscribed(events, event)])])
  }
}

function subscribed(events: EventFactory, told: Extract<GatewayEvent, { kind: 'subscribed' }>) {
  const { method, path } = eventStreamRoutes.subscribeEvents
  return events({
    type: 'events.subscribed',
    context: { caller: told.caller, endpoint: path, method, startedAt: performance.now() },
    resourceId: null,
    statusCode: 200,
    details: { filters: told.filters, resumed: told.resumed },
    happened: { id: told.id, at: told.at },
  })
}

import { REFUSALS_PATH, refusalsBody, REFUSING_APP, type RefusalReport } from '@memoric/contracts/refusals.ts'
import { outboxInsertNew } from '@memoric/postgres/outbox.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import {
  createEventFactory,
  createPersonalDataKey,
  type EventFactory,
  type OutboxEvent,
} from '@memoric/service/event-factory.ts'
import { faults } from '@memoric/service/implement-routes.ts'
import type { FastifyInstance } from 'fastify'
import type { Deps } from '../deps.ts'

/** Takes what a gateway refused into the outbox, each in its tenant; a report that comes again changes nothing. Needs the caller plugin. */
export function useRefusals(app: FastifyInstance, deps: Pick<Deps, 'config' | 'sql' | 'relay'>): void {
  const personalDataKey = createPersonalDataKey(deps.config.PERSONAL_DATA_KEY)
  const events = createEventFactory({ app: REFUSING_APP, personalDataKey })
  app.post(REFUSALS_PATH, async (request, reply) => {
    if (request.caller.principal.type !== 'service') throw new AppError('permission_denied')
    const body = refusalsBody.safeParse(request.body)
    if (!body.success) throw new AppError('validation_failed', { errors: faults(body.error) })
    const rows = body.data.refusals.map((report) => eventOf(events, report))
    await systemFlight(deps.sql, (tx) => [outboxInsertNew(tx, rows)])
    deps.relay.wake()
    return reply.code(204).send()
  })
}

function eventOf(events: EventFactory, report: RefusalReport): OutboxEvent {
  const { id, at, type, reason, resourceId, statusCode, count } = report
  return events({
    type,
    context: contextOf(report),
    resourceId,
    statusCode,
    outcome: 'denied',
    reason,
    details: { count },
    happened: { id, at },
  })
}

function contextOf({ tenantId, principal, requestId, clientAddress, userAgent, ...report }: RefusalReport) {
  const limits = { sessionId: null, permissions: [], subjects: [], namespaces: [] }
  return {
    caller: { tenantId, principal, requestId, clientAddress, userAgent, ...limits },
    endpoint: report.endpoint,
    method: report.method,
    startedAt: performance.now() - report.durationMs,
  }
}

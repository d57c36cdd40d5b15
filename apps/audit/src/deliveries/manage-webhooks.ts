import type { AlertWebhook } from '@memoric/contracts/alert-delivery-contract.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { OutboundError } from '@memoric/service/outbound-error.ts'
import { outboundUrl } from '@memoric/service/outbound-url.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { ListDeps } from '../log/list-audit-logs.ts'
import { requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { deleteDeliveriesOf } from './delivery-repository.ts'
import { openUrl, type PostingDeps, postWebhook } from './post-webhook.ts'
import { sealField } from './sealed-field.ts'
import {
  deleteWebhook,
  insertWebhook,
  noteAttempt,
  rotateSecret,
  selectWebhook,
  selectWebhooks,
  type WebhookRow,
} from './webhook-repository.ts'
import { createWebhookSecret } from './webhook-signature.ts'

export interface WebhookDeps extends Pick<ListDeps, 'sql' | 'events' | 'wakeRelay'>, PostingDeps {
  /** Whether webhooks may be at private addresses and speak plain HTTP. */
  readonly privateNetworks: boolean
}

type Answer<Id extends keyof RouteTable> = Promise<RouteOutput<RouteTable[Id]>>

const MAX_WEBHOOKS = 10
const OVERLAP_SECONDS = 86_400

/** Throws AppError `permission_denied`, `rule_violated` for an address that nothing can be posted to, or one too many. */
export async function createAlertWebhook(
  deps: WebhookDeps,
  { body, context }: Call<RouteTable['createAlertWebhook']>,
): Answer<'createAlertWebhook'> {
  requireWholeTenant(context.caller)
  const url = checkedUrl(deps, body.url)
  const { tenantId, principal } = context.caller
  const [id, secret] = [uuidV7(), createWebhookSecret()]
  const place = { tenantId, recordId: id }
  const webhook = {
    id,
    tenant_id: tenantId,
    url_sealed: sealField(deps.credentials, { ...place, field: 'alert_webhook.url' }, url),
    secret_sealed: sealField(deps.credentials, { ...place, field: 'alert_webhook.secret' }, secret),
    min_severity: body.min_severity,
    created_by: `${principal.type}:${principal.id}`,
  }
  const row = await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    const [made] = await insertWebhook(tx, webhook, MAX_WEBHOOKS)
    if (made === undefined)
      throw new AppError('rule_violated', { detail: `a tenant has ${MAX_WEBHOOKS} webhooks at most` })
    await outboxInsert(tx, [told(deps, 'alert_webhook.created', context, id, 201)])
    return made
  })
  deps.wakeRelay()
  return { status: 201, body: { ...webhookView(deps, row), secret } }
}

function checkedUrl({ privateNetworks }: WebhookDeps, url: string): string {
  try {
    return outboundUrl(url, { privateNetworks }).href
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error
    throw new AppError('rule_violated', { errors: [{ pointer: '/url', message: error.message }] })
  }
}

export async function listAlertWebhooks(
  deps: WebhookDeps,
  { context }: Call<RouteTable['listAlertWebhooks']>,
): Answer<'listAlertWebhooks'> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const [rows] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [selectWebhooks(tx, tenantId)])
  return { status: 200, body: { items: rows.map((row) => webhookView(deps, row)) } }
}

/** Throws AppError `alert_webhook_not_found`. */
export async function deleteAlertWebhook(
  deps: WebhookDeps,
  { params, context }: Call<RouteTable['deleteAlertWebhook']>,
): Answer<'deleteAlertWebhook'> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    const [gone] = await deleteWebhook(tx, tenantId, params.id)
    if (gone === undefined) throw new AppError('alert_webhook_not_found')
    await deleteDeliveriesOf(tx, tenantId, params.id)
    await outboxInsert(tx, [told(deps, 'alert_webhook.deleted', context, params.id, 204)])
  })
  deps.wakeRelay()
  return { status: 204, body: null }
}

/** Throws AppError `alert_webhook_not_found`. */
export async function rotateAlertWebhook(
  deps: WebhookDeps,
  { params, context }: Call<RouteTable['rotateAlertWebhook']>,
): Answer<'rotateAlertWebhook'> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const secret = createWebhookSecret()
  const place = { tenantId, recordId: params.id, field: 'alert_webhook.secret' } as const
  const row = await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    const [rotated] = await rotateSecret(
      tx,
      tenantId,
      params.id,
      sealField(deps.credentials, place, secret),
      OVERLAP_SECONDS,
    )
    if (rotated === undefined) throw new AppError('alert_webhook_not_found')
    await outboxInsert(tx, [told(deps, 'alert_webhook.rotated', context, params.id, 200)])
    return rotated
  })
  deps.wakeRelay()
  return { status: 200, body: { ...webhookView(deps, row), secret } }
}

/** Throws AppError `alert_webhook_not_found`. */
export async function testAlertWebhook(
  deps: WebhookDeps,
  { params, context }: Call<RouteTable['testAlertWebhook']>,
): Answer<'testAlertWebhook'> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const [[row]] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [selectWebhook(tx, tenantId, params.id)])
  if (row === undefined) throw new AppError('alert_webhook_not_found')
  const timestamp = new Date(deps.now()).toISOString()
  const content = { type: 'webhook.test', timestamp, data: { tenant_id: tenantId, webhook_id: row.id } }
  const { isDelivered, status, failure } = await postWebhook(deps, row, { id: `msg_${uuidV7()}`, content })
  const details = { delivered: isDelivered, status }
  await tenantFlight<PromiseLike<unknown>[]>(deps.sql, wholeTenant(tenantId), (tx) => [
    noteAttempt(tx, tenantId, row.id, { status, failure, isGone: false }),
    outboxInsert(tx, [told(deps, 'alert_webhook.tested', context, row.id, 200, details)]),
  ])
  deps.wakeRelay()
  return { status: 200, body: { delivered: isDelivered, status, failure } }
}

function told(
  { events }: WebhookDeps,
  type: `alert_webhook.${'created' | 'deleted' | 'rotated' | 'tested'}`,
  context: RequestContext,
  resourceId: string,
  statusCode: number,
  details: Readonly<Record<string, boolean | number | null>> = {},
) {
  return events({ type, context, resourceId, statusCode, details })
}

function webhookView({ credentials }: WebhookDeps, row: WebhookRow): AlertWebhook {
  return {
    id: row.id,
    url: openUrl(credentials, row),
    min_severity: row.min_severity,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    disabled_at: row.disabled_at?.toISOString() ?? null,
    last_attempt_at: row.last_attempt_at?.toISOString() ?? null,
    last_status: row.last_status,
    last_failure: row.last_failure,
  }
}

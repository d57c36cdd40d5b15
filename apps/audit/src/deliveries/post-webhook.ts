import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import { OUTBOUND_FAILURES, OutboundError } from '@memoric/service/outbound-error.ts'
import type { OutboundFetch } from '@memoric/service/outbound-fetch.ts'
import { openField } from './sealed-field.ts'
import { signatureHeaders } from './webhook-signature.ts'
import type { WebhookRow } from './webhook-repository.ts'

export interface PostingDeps {
  readonly credentials: SealingKey
  readonly fetch: OutboundFetch
  /** Ms since the epoch. */
  readonly now: () => number
}

/** What came of posting to a webhook. */
export interface Posted {
  readonly isDelivered: boolean
  readonly status: number | null
  /** A sentence that the tenant may see. */
  readonly failure: string | null
}

/** Posts a message, signed with the secret and, for a day after a rotation, with the one before. Never throws for what the other side does. */
export async function postWebhook(
  { credentials, fetch, now }: PostingDeps,
  webhook: WebhookRow,
  message: { readonly id: string; readonly content: object },
  signal?: AbortSignal,
): Promise<Posted> {
  const body = JSON.stringify(message.content)
  const timestamp = Math.floor(now() / 1000)
  const signed = signatureHeaders({ id: message.id, timestamp, body }, secretsOf(credentials, webhook, now()))
  const headers = { 'content-type': 'application/json', 'user-agent': 'Memoric-Webhooks/1', ...signed }
  try {
    const { status } = await fetch(openUrl(credentials, webhook), { method: 'POST', headers, body, signal })
    const isDelivered = status >= 200 && status < 300
    return { isDelivered, status, failure: isDelivered ? null : `it answered ${status}` }
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error
    return { isDelivered: false, status: null, failure: OUTBOUND_FAILURES[error.code] }
  }
}

export function openUrl(credentials: SealingKey, { tenant_id: tenantId, id, url_sealed: sealed }: WebhookRow): string {
  return openField(credentials, { tenantId, recordId: id, field: 'alert_webhook.url' }, sealed)
}

function secretsOf(credentials: SealingKey, webhook: WebhookRow, now: number): string[] {
  const place = { tenantId: webhook.tenant_id, recordId: webhook.id, field: 'alert_webhook.secret' } as const
  const { secret_sealed: current, previous_secret_sealed: previous, previous_until: until } = webhook
  const isOverlap = previous !== null && until !== null && until.getTime() > now
  return [current, ...(isOverlap ? [previous] : [])].map((sealed) => openField(credentials, place, sealed))
}

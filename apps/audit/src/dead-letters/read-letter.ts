import { isEventType } from '@memoric/contracts/event-types.ts'
import { uuid } from '@memoric/contracts/ids.ts'
import type { IncomingMessage } from '@memoric/messaging/handle-batch.ts'

/** Apps whose events travel to the log. */
const APPS: readonly string[] = ['auth', 'memory', 'audit', 'gateway']

/** What a message that is no event of Memoric tells of itself all the same. Null is what it does not tell clearly. */
export interface ReadLetter {
  /** The tenant of its subject, unless the payload names another one. */
  readonly tenantId: string | null
  /** The id under which its app keeps it. */
  readonly eventId: string | null
  readonly app: string | null
  readonly type: string | null
}

/** Reads what can be read; never throws. */
export function readLetter({
  subject,
  data,
  headers,
}: Pick<IncomingMessage, 'subject' | 'data' | 'headers'>): ReadLetter {
  const claimed = claimsOf(data)
  const [, , tenant] = subject.split('.')
  const agrees = claimed.tenantid === undefined || claimed.tenantid === tenant
  const sentAs = idOf(headers?.get('Nats-Msg-Id'))
  return {
    tenantId: agrees ? idOf(tenant) : null,
    eventId: sentAs ?? idOf(claimed.id),
    app: APPS.find((app) => claimed.source === `memoric/${app}`) ?? null,
    type: typeOf(subject),
  }
}

/** The type that a subject names, where there is such a type. */
export function typeOf(subject: string): string | null {
  const type = subject.split('.').slice(3).join('.')
  return isEventType(type) ? type : null
}

function idOf(value: unknown): string | null {
  const id = uuid.safeParse(value)
  return id.success ? id.data : null
}

function claimsOf(data: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString())
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

import {
  event as eventSchema,
  MAX_EVENT_BYTES,
  type MemoricEvent,
  personalData,
  type PersonalData,
} from '@memoric/contracts/event.ts'
import { isSubjectOf } from '@memoric/contracts/subjects.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { openBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { personalDataAad } from '@memoric/service/event-factory.ts'
import { parseStrictJson } from '@memoric/service/strict-json.ts'
import { CLOCK_SKEW_MS, timeOfId } from './event-time.ts'
import { isPlainEvent, isPlainPersonal } from './plain-event.ts'
import { parsePlainJson } from './plain-json.ts'

/** An event that may enter the log, with its personal data opened. */
export interface AcceptedEvent {
  readonly event: MemoricEvent
  readonly personal: PersonalData | null
}

/** Why a message can never enter the log. The message says so without repeating what it holds. */
export class EventRejected extends Error {
  override readonly name = 'EventRejected'
}

/** Reads a message of the event stream. Throws EventRejected for what is not an event of Memoric in every respect. */
export function readEvent(subject: string, data: Uint8Array, personalDataKey: SealingKey): AcceptedEvent {
  if (data.byteLength > MAX_EVENT_BYTES) throw new EventRejected(`larger than ${MAX_EVENT_BYTES} bytes`)
  const event = checkEvent(parse(data))
  if (!isSubjectOf(subject, event.tenantid, event.type)) throw new EventRejected('subject is not that of the event')
  checkValues(event)
  return { event, personal: openPersonal(event, personalDataKey) }
}

function parse(data: Uint8Array): unknown {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const plain = parsePlainJson(bytes)
  if (plain !== undefined) return plain
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    if (error instanceof AppError) throw new EventRejected(error.detail ?? error.message, { cause: error })
    throw error
  }
}

function checkEvent(value: unknown): MemoricEvent {
  if (isPlainEvent(value)) return value
  const parsed = eventSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const places = new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'event'))
  throw new EventRejected(`not valid: ${[...places].join(', ').slice(0, 200)}`, { cause: parsed.error })
}

/** What the shape cannot say: the id must be a UUIDv7 of about the time of the event, since partitions go by the id. */
function checkValues(event: MemoricEvent): void {
  const madeAt = timeOfId(event.id)
  if (madeAt === undefined) throw new EventRejected('id is not a UUIDv7')
  if (Math.abs(madeAt - Date.parse(event.time)) > CLOCK_SKEW_MS) throw new EventRejected('id and time disagree')
  const status = event.data.status_code
  if (status !== null && (status < 100 || status > 999)) throw new EventRejected('status_code is not one of HTTP')
}

function openPersonal({ id, data }: MemoricEvent, key: SealingKey): PersonalData | null {
  if (data.personal === null) return null
  try {
    const opened = openBox(key, personalDataAad(id), Buffer.from(data.personal, 'base64'))
    const personal: unknown = JSON.parse(opened.toString('utf8'))
    return isPlainPersonal(personal) ? personal : personalData.parse(personal)
  } catch (cause) {
    const reason = cause instanceof CryptoError ? 'does not open' : 'has another shape'
    throw new EventRejected(`personal data ${reason}`, { cause })
  }
}

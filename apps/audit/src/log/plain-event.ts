import type { MemoricEvent, PersonalData } from '@memoric/contracts/event.ts'
import { isEventType } from '@memoric/contracts/event-types.ts'

type Members = Readonly<Record<string, unknown>>

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const SOURCE = /^memoric\/[a-z]+$/
const REQUIRED = 9
const DATA_MEMBERS = 11
const PERSONAL_MEMBERS = 3

/**
 * True only for what the contract of an event takes as well, and for every event as the apps write them: a quarter of the work of the
 * contract, which decides about the rest and says what is wrong. For values from JSON.
 */
export function isPlainEvent(value: unknown): value is MemoricEvent {
  if (!isObject(value)) return false
  const { subject, traceparent } = value
  const members = REQUIRED + Number(subject !== undefined) + Number(traceparent !== undefined)
  return (
    Object.keys(value).length === members &&
    value['specversion'] === '1.0' &&
    value['datacontenttype'] === 'application/json' &&
    isUuid(value['id']) &&
    isUuid(value['tenantid']) &&
    isText(value['source'], 64) &&
    SOURCE.test(value['source']) &&
    isText(value['type'], 128) &&
    isEventType(value['type']) &&
    isTime(value['time']) &&
    isText(value['actor'], 256) &&
    (subject === undefined || isText(subject, 384)) &&
    (traceparent === undefined || isText(traceparent, 64)) &&
    isData(value['data'])
  )
}

/** The same for opened personal data. */
export function isPlainPersonal(value: unknown): value is PersonalData {
  return (
    isObject(value) &&
    Object.keys(value).length === PERSONAL_MEMBERS &&
    isTextOrNull(value['ip_address'], Infinity) &&
    isTextOrNull(value['user_agent'], Infinity) &&
    isTextOrNull(value['email'], Infinity)
  )
}

function isData(data: unknown): boolean {
  return (
    isObject(data) &&
    Object.keys(data).length === DATA_MEMBERS &&
    isTextOrNull(data['resource_type'], 64) &&
    isTextOrNull(data['resource_id'], 256) &&
    (data['outcome'] === 'success' || data['outcome'] === 'failure' || data['outcome'] === 'denied') &&
    isTextOrNull(data['reason'], 512) &&
    isTextOrNull(data['request_id'], 128) &&
    isTextOrNull(data['endpoint'], 256) &&
    isTextOrNull(data['method'], 16) &&
    (data['status_code'] === null || Number.isSafeInteger(data['status_code'])) &&
    (data['duration_ms'] === null || Number.isFinite(data['duration_ms'])) &&
    isTextOrNull(data['personal'], 8192) &&
    isObject(data['details']) &&
    isFinite(data['details'])
  )
}

/** JSON can write a number that no double holds; it comes back as Infinity. */
function isFinite(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  for (const member of Object.values(value)) if (!isFinite(member)) return false
  return true
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max
}

function isTextOrNull(value: unknown, max: number): boolean {
  return value === null || isText(value, max)
}

function isUuid(value: unknown): boolean {
  return typeof value === 'string' && UUID.test(value)
}

/** In the one form that the apps write. */
function isTime(value: unknown): boolean {
  if (typeof value !== 'string' || value.length !== 24) return false
  const ms = Date.parse(value)
  return !Number.isNaN(ms) && new Date(ms).toISOString() === value
}

/** Header by which a client says which trace its request belongs to (W3C Trace Context), and the event attribute of the same name. */
export const TRACEPARENT_HEADER = 'traceparent'

const VERSION_0 = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
/** Versions to come may add fields; what is known of them stays where it is. */
const LATER = /^(?!00|ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?:-.*)?$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** What of a header is valid, in version 00, or undefined: a trace begins anew then (section 3.2.2 of the specification). */
export function readTraceparent(header: string): string | undefined {
  if (header.length > 256) return undefined
  if (VERSION_0.test(header)) return header
  const later = LATER.exec(header)?.[1]
  return later === undefined ? undefined : `00-${later}`
}

/** The trace of a request that came without one: its id, so that nothing more has to be made or sent. Undefined for any other text. */
export function traceparentOf(requestId: string): string | undefined {
  if (!UUID.test(requestId)) return undefined
  const traceId = requestId.replaceAll('-', '')
  return `00-${traceId}-${traceId.slice(16)}-00`
}

/** The id of the trace that a valid traceparent names. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35)
}

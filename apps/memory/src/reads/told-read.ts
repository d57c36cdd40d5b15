import type { Caller } from '@memoric/contracts/caller.ts'
import type { EventInput } from '@memoric/service/event-factory.ts'

/** Of how many reads one is told where a tenant asks for samples. */
export const SAMPLED = 10

/**
 * A read as its tenant wants it told, or null where it does not. Which requests are samples follows from their id, which the gateway
 * makes: callers cannot choose, and every read of a request is told or none. A sample says how many it stands for.
 */
export function toldRead<I extends Pick<EventInput, 'context' | 'details'>>(input: I): I | null {
  const { settings, requestId }: Caller = input.context.caller
  if (settings === undefined || settings.audit_reads === 'all') return input
  if (settings.audit_reads === 'none' || !isSample(requestId)) return null
  return { ...input, details: { ...input.details, sampled: SAMPLED } }
}

/** By the last 32 bits, which are random. */
function isSample(requestId: string): boolean {
  return Number.parseInt(requestId.slice(-8), 16) % SAMPLED === 0
}

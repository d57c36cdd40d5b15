import { REASON_HEADER, statedReason } from '@memoric/contracts/stated-reason.ts'
import { readTraceparent, TRACEPARENT_HEADER } from '@memoric/contracts/trace-context.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { FastifyRequest } from 'fastify'

/**
 * Adds to `request.caller` what a client says of its request: why it asks, and which trace it belongs to.
 * Throws AppError `validation_failed` for a reason that is none; a trace that cannot be read begins anew.
 */
export function takeStatedHeaders(request: FastifyRequest): void {
  const { [REASON_HEADER]: reason, [TRACEPARENT_HEADER]: trace } = request.headers
  if (reason === undefined && trace === undefined) return
  const traceparent = typeof trace === 'string' ? readTraceparent(trace) : undefined
  request.caller = {
    ...request.caller,
    ...(reason !== undefined && { reason: readReason(String(reason)) }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** Node reads headers as Latin-1. */
function readReason(header: string): string {
  const parsed = statedReason.safeParse(Buffer.from(header, 'latin1').toString())
  if (parsed.success) return parsed.data
  const message = parsed.error.issues[0]?.message ?? 'is not valid'
  throw new AppError('validation_failed', { errors: [{ pointer: `header/${REASON_HEADER}`, message }] })
}

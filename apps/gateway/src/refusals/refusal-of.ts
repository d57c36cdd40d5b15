import type { Caller } from '@memoric/contracts/caller.ts'
import { ERRORS, type ErrorCode, isErrorCode } from '@memoric/contracts/error-codes.ts'
import { PLATFORM_TENANT, tenantId, uuid } from '@memoric/contracts/ids.ts'
import { refusal } from '@memoric/contracts/introspection.ts'
import { REFUSAL_HEADER } from '@memoric/contracts/refusals.ts'
import type { Route } from '@memoric/contracts/route.ts'
import type { AppError } from '@memoric/service/app-error.ts'
import type { AnsweredProblem } from '@memoric/service/create-server.ts'
import type { FastifyRequest } from 'fastify'
import { errors, type JWTPayload } from 'jose'
import { z } from 'zod'
import { anonymous } from '../authentication/authenticate.ts'
import type { UpstreamAnswer } from '../forwarding/upstream.ts'
import { type CredentialRefusal, RefusedCredential } from './refused-credential.ts'
import type { Refusal } from './refusal-tally.ts'
import { isToldByAuth, refusalType } from './refusal-type.ts'

/** Longest texts of a report. */
const LONGEST_ADDRESS = 64
const LONGEST_USER_AGENT = 512

/** Problems of more bytes than this come from no service of ours. */
const LARGEST_PROBLEM = 65_536

/** The refusal in a problem of the gateway's own, or null where there is none to tell. */
export function refusalOfProblem({ error, request, ...answered }: AnsweredProblem): Refusal | null {
  if (request === null) return refusalOfNoRequest(error.code, answered)
  const type = refusalType(error.code, isIdOfKnownCaller(request))
  if (type === null) return null
  return {
    ...about(request, callerOf(request), answered.durationMs),
    reason: error.code,
    ...whose(credentialRefusal(error)),
    type,
    statusCode: error.status,
  }
}

/** What of a refusal is known better than from the request: a credential that does not stand makes nobody its caller. */
function whose(known: CredentialRefusal | null): Partial<Refusal> {
  if (known === null) return {}
  const { reason, tenantId: tenant, principal } = known
  return { reason, ...(tenant !== null && { tenantId: tenant }), ...(principal !== null && { principal }) }
}

/** The refusal in the answer of a service, or null where there is none to tell. */
export function refusalOfAnswer(
  route: Route,
  request: FastifyRequest,
  answer: UpstreamAnswer,
  durationMs: number,
): Refusal | null {
  const code = answer.status >= 400 && answer.status < 500 ? codeOf(answer.body) : null
  if (code === null || isToldByAuth(route, code)) return null
  const type = refusalType(code, isIdOfKnownCaller(request))
  if (type === null) return null
  return {
    ...about(request, request.caller, durationMs),
    reason: code,
    ...whose(statedRefusal(answer)),
    type,
    statusCode: answer.status,
  }
}

const stated = refusal.extend({ reason: z.string() })

/** What auth says of a credential that it was given to check. */
function statedRefusal({ headers }: UpstreamAnswer): CredentialRefusal | null {
  const text = headers[REFUSAL_HEADER]
  return typeof text === 'string' ? stated.parse(JSON.parse(text)) : null
}

function isIdOfKnownCaller(request: FastifyRequest): boolean {
  const names = Object.keys(request.params ?? {})
  return names.length > 0 && !names.includes('*') && callerOf(request).principal.type !== 'anonymous'
}

/** What came before anybody asked who calls has no caller yet. */
function callerOf(request: FastifyRequest): Caller {
  const known: { readonly caller: Caller | undefined } = request
  return known.caller ?? anonymous(request)
}

function about(request: FastifyRequest, caller: Caller, durationMs: number) {
  const { tenantId, principal, clientAddress } = caller
  return {
    tenantId,
    principal,
    resourceId: idOf(request),
    endpoint: (request.routeOptions as { url?: string } | undefined)?.url ?? null,
    method: request.method.slice(0, 16),
    requestId: request.id,
    clientAddress: clientAddress.slice(0, LONGEST_ADDRESS),
    userAgent: request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT) ?? null,
    durationMs,
  }
}

/** An id that the path names: any other text could be anything. */
function idOf({ params }: FastifyRequest): string | null {
  const [value] = Object.values((params ?? {}) as Readonly<Record<string, unknown>>)
  const id = uuid.safeParse(value)
  return id.success ? id.data : null
}

function refusalOfNoRequest(
  code: ErrorCode,
  { requestId, remoteAddress, durationMs }: Omit<AnsweredProblem, 'error' | 'request'>,
): Refusal {
  return {
    type: 'request.refused',
    reason: code,
    tenantId: PLATFORM_TENANT,
    principal: { type: 'anonymous', id: 'anonymous' },
    resourceId: null,
    endpoint: null,
    method: null,
    statusCode: ERRORS[code].status,
    requestId,
    clientAddress: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ''),
    userAgent: null,
    durationMs,
  }
}

function credentialRefusal({ cause }: AppError): CredentialRefusal | null {
  if (cause instanceof RefusedCredential) return cause.refusal
  return cause instanceof errors.JWTExpired ? expired(cause.payload) : null
}

/** The signature was found to be ours before the time was looked at, so the claims can be believed. */
function expired({ sub, tenant_id, client_id }: JWTPayload): CredentialRefusal {
  const tenant = tenantId.safeParse(tenant_id)
  const type = client_id === undefined ? 'user' : 'api_key'
  const isKnown = tenant.success && uuid.safeParse(sub).success
  return {
    reason: 'expired',
    tenantId: tenant.success ? tenant.data : null,
    principal: isKnown && sub !== undefined ? { type, id: sub } : null,
  }
}

function codeOf(body: Buffer): ErrorCode | null {
  if (body.length > LARGEST_PROBLEM) return null
  try {
    const { code } = JSON.parse(body.toString()) as { code?: unknown }
    return typeof code === 'string' && isErrorCode(code) ? code : null
  } catch {
    return null
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { isErrorCode, problem, type Problem } from '@memoric/contracts/error-codes.ts'
import type { Route, RouteOutput } from '@memoric/contracts/route.ts'
import { type OperationId, ROUTES, type RouteTable } from '@memoric/contracts/route-table.ts'
import { Agent, request } from 'undici'

/** An access token, an API key, or nothing. */
export type Credential = { readonly token: string } | { readonly apiKey: string } | null

/** What a request of an operation is made of; nothing of it is checked before it is sent. */
export interface ApiRequest {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
}

/** A request as it goes over the wire. */
export interface RawRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body where the operation succeeded, as the contract describes it. */
  readonly body: unknown
  /** The problem where it did not. */
  readonly problem: Problem | null
}

/** The bodies with which an operation may succeed. */
export type SuccessBody<Id extends OperationId> = RouteOutput<RouteTable[Id]>['body']

export interface ApiClient {
  /** Calls an operation. Throws when the answer is not one that the contract knows. */
  call(id: OperationId, credential: Credential, request?: ApiRequest): Promise<ApiAnswer>
  /** The body of an operation that must succeed. Throws ApiFailure. */
  ok<Id extends OperationId>(id: Id, credential: Credential, request?: ApiRequest): Promise<SuccessBody<Id>>
  /** Sends anything; a failure must still be a problem. */
  raw(request: RawRequest, credential?: Credential): Promise<ApiAnswer>
  close(): Promise<void>
}

/** An operation that should have succeeded. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  readonly answer: ApiAnswer

  constructor(what: string, answer: ApiAnswer) {
    super(`${what} answered ${answer.status}: ${answer.text.slice(0, 500)}`)
    this.answer = answer
  }
}

/** A client of the gateway at `url`. */
export function createApiClient(url: string): ApiClient {
  const dispatcher = new Agent({ connections: 16, headersTimeout: 40_000 })
  const raw = async (sent: RawRequest, credential: Credential = null): Promise<ApiAnswer> => {
    const headers = { ...sent.headers, ...credentialHeaders(credential) }
    const answer = await request(`${url}${sent.path}`, {
      method: sent.method,
      headers,
      body: sent.body ?? null,
      dispatcher,
    })
    return checked(answer.statusCode, answer.headers, await answer.body.text())
  }
  const call: ApiClient['call'] = async (id, credential, sent = {}) => {
    const route: Route = ROUTES[id]
    const answer = await patiently(() => raw(rawRequest(route, sent), credential))
    if (answer.problem === null) requireContract(id, route, answer)
    return answer
  }
  return {
    raw,
    call,
    async ok(id, credential, sent) {
      const answer = await call(id, credential, sent)
      if (answer.problem !== null) throw new ApiFailure(id, answer)
      // requireContract has compared it with the schemas of this operation.
      return answer.body as SuccessBody<typeof id>
    },
    close: () => dispatcher.close(),
  }
}

/** Seconds to wait for a service on a machine that has too much to do: it has done nothing yet, and says when to come again. */
const PATIENCE = 20

async function patiently(ask: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
  for (let waited = 0; ; waited += 1) {
    const answer = await ask()
    if (answer.problem?.code !== 'overloaded' || waited === PATIENCE) return answer
    await sleep(1000)
  }
}

function credentialHeaders(credential: Credential): Record<string, string> {
  if (credential === null) return {}
  if ('token' in credential) return { authorization: `Bearer ${credential.token}` }
  return { 'x-api-key': credential.apiKey }
}

/** A request of `route`, in which ids and query are encoded. */
export function rawRequest(route: Route, { params = {}, query = {}, headers = {}, body }: ApiRequest): RawRequest {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const search = new URLSearchParams(query).toString()
  return {
    method: route.method,
    path: search === '' ? path : `${path}?${search}`,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }
}

/** Throws unless a failure is a problem whose code, status and request id are right. */
function checked(status: number, headers: ApiAnswer['headers'], text: string): ApiAnswer {
  if (status < 400) return { status, headers, text, body: bodyOf(headers, text), problem: null }
  if (headers['content-type'] !== 'application/problem+json; charset=utf-8') {
    throw new Error(`${status} without a problem: ${text.slice(0, 500)}`)
  }
  const found = problem.strict().parse(JSON.parse(text))
  if (found.status !== status || !isErrorCode(found.code)) throw new Error(`not a problem of ours: ${text}`)
  const requestId = headers['x-request-id']
  if (requestId !== undefined && requestId !== found.request_id) throw new Error(`another request's problem: ${text}`)
  return { status, headers, text, body: null, problem: found }
}

/** What is no JSON, such as the lines of an export, stays text. */
function bodyOf(headers: ApiAnswer['headers'], text: string): unknown {
  if (text === '') return null
  return String(headers['content-type']).startsWith('application/json') ? JSON.parse(text) : text
}

/** Throws when the status is not one of the route's, or the body has other fields than its schema. */
function requireContract(id: OperationId, route: Route, { status, body }: ApiAnswer): void {
  const schema = route.responses[status]
  if (schema === undefined) throw new Error(`${id} answered ${status}, which its contract does not know`)
  const expected = schema === null ? null : schema.parse(body)
  if (!isDeepStrictEqual(expected, body))
    throw new Error(`${id} answered more than its contract: ${JSON.stringify(body)}`)
}

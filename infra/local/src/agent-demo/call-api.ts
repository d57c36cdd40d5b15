import type { RouteOutput } from '@memoric/contracts/route.ts'
import { type OperationId, ROUTES, type RouteTable } from '@memoric/contracts/route-table.ts'

/** The body with which an operation succeeds. */
export type Answer<Id extends OperationId> = RouteOutput<RouteTable[Id]>['body']

export interface Sent {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Calls an operation and gives the body of its answer. Throws with the server's words when it is refused. */
export type CallApi = <Id extends OperationId>(id: Id, sent?: Sent) => Promise<Answer<Id>>

/** Calls of the gateway at `url` with an API key, an access token or nothing. */
export function createCallApi(url: string, credential: string | null = null): CallApi {
  const headers = {
    ...(credential !== null && { authorization: `Bearer ${credential}` }),
    'content-type': 'application/json',
  }
  return async (id, { params = {}, query = {}, body = {} } = {}) => {
    const { method, path } = ROUTES[id]
    const place = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
    const response = await fetch(`${url}${place}?${new URLSearchParams(query).toString()}`, {
      method,
      headers,
      ...(method !== 'GET' && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    }).catch((cause: unknown) => {
      throw new Error(`Nothing answers at ${url}: start the stack first (npm start).`, { cause })
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${place} answered ${response.status}: ${text.slice(0, 500)}`)
    // What is answered with 2xx is taken to be as the contract says.
    return (text === '' ? null : JSON.parse(text)) as Answer<typeof id>
  }
}

import { z } from 'zod'
import type { Permission } from './permissions.ts'

export type AppName = 'gateway' | 'auth' | 'memory' | 'audit'
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Who may call a route: holders of a permission, any signed-in caller, or anyone. */
export type Access = Permission | 'signed_in' | 'anyone'

/** Which limit counts a request: reads and writes of a caller, or attempts to sign in of an address. */
export type RateClass = 'read' | 'write' | 'sign_in'

/** One line of the route table: all that the gateway, the app behind it and the documentation need to know. */
export interface Route {
  readonly method: Method
  readonly path: `/v1/${string}`
  readonly app: AppName
  readonly access: Access
  readonly rate: RateClass
  readonly summary: string
  readonly description?: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly headers?: z.ZodObject
  readonly body?: z.ZodType
  /** Largest body in bytes; 1 MiB when left out. */
  readonly bodyLimit?: number
  /**
   * Whether OAuth clients ask: the body may also be a form (application/x-www-form-urlencoded), in which parameters that are not
   * known are ignored, problems carry the `error` of RFC 6749, and Authorization is for the handler, not for the gateway.
   */
  readonly form?: true
  /** Whether its answers may set cookies. */
  readonly cookies?: true
  /** Content types of its answer 200 where that is a stream of bytes (`byteStream`), which is passed on as it comes. */
  readonly stream?: readonly string[]
  /** Schema of the body by status; null for an empty body. */
  readonly responses: Readonly<Record<number, z.ZodType | null>>
}

/** A route that `App` implements. */
export type RouteOf<App extends AppName> = Route & { readonly app: App }

/** The body of an answer that is made while it is sent. */
export const byteStream = z.custom<AsyncIterable<Uint8Array>>()

export const DEFAULT_BODY_LIMIT = 1_048_576

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined

/** What a handler of route `R` receives, after validation. */
export interface RouteInput<R extends Route> {
  readonly params: Parsed<R['params']>
  readonly query: Parsed<R['query']>
  readonly headers: Parsed<R['headers']>
  readonly body: Parsed<R['body']>
}

/** What a handler of route `R` may answer: one of its statuses with the body that belongs to it. */
export type RouteOutput<R extends Route> = {
  [Status in keyof R['responses'] & number]: {
    readonly status: Status
    readonly body: R['responses'][Status] extends z.ZodType ? z.input<R['responses'][Status]> : null
    readonly headers?: Readonly<Record<string, string>>
  }
}[keyof R['responses'] & number]

import type { Caller } from '@memoric/contracts/caller.ts'

/** What the verbs of an app need to know of the request that asked for them. */
export interface RequestContext {
  readonly caller: Caller
  /** Path of the route with its placeholders. */
  readonly endpoint: string
  readonly method: string
  /** When the request arrived, ms of the monotonic clock. */
  readonly startedAt: number
}

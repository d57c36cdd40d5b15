import type { Severity } from './severity.ts'

/** What a type of event tells. */
export interface EventDescription {
  /** `every` app, or one. */
  readonly app: 'auth' | 'memory' | 'audit' | 'gateway' | 'every'
  readonly resource: string
  /** `info` when left out. */
  readonly severity?: Severity
  readonly summary: string
}

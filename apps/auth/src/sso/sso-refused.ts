import type { ErrorCode } from '@memoric/contracts/error-codes.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import { NotVouched } from './exchange-code.ts'
import { ProviderFault } from './provider-fault.ts'

/** What the log learns about a refusal; callers learn the code alone. */
export interface RefusalFacts {
  readonly userId?: string | undefined
  readonly email?: string | null
  readonly details?: Record<string, JsonValue>
  readonly code?: ErrorCode
  readonly cause?: unknown
}

/** A sign-in through a provider that did not come about. */
export class SsoRefused extends Error {
  override readonly name = 'SsoRefused'
  readonly reason: string
  readonly code: ErrorCode
  readonly facts: RefusalFacts

  constructor(reason: string, facts: RefusalFacts = {}) {
    super(reason, { cause: facts.cause })
    this.reason = reason
    this.code = facts.code ?? 'sso_refused'
    this.facts = facts
  }
}

/** The refusal that an error stands for; null for errors that are not about the sign-in. */
export function asSsoRefused(error: unknown): SsoRefused | null {
  if (error instanceof SsoRefused) return error
  if (error instanceof NotVouched) return new SsoRefused(error.reason)
  if (!(error instanceof ProviderFault)) return null
  const details = { fault: error.code }
  return new SsoRefused('provider_failed', { code: 'identity_provider_failed', details, cause: error })
}

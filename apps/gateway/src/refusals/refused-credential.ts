import type { Caller } from '@memoric/contracts/caller.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'

/** Whose credential is refused, as far as anybody knows, and why. */
export interface CredentialRefusal {
  /** An error code, or what auth says of the credential. */
  readonly reason: string
  readonly tenantId: TenantId | null
  readonly principal: Caller['principal'] | null
}

/**
 * The cause of the AppError by which a credential is refused (`invalid_token`, `invalid_api_key`, `address_not_allowed`):
 * for the audit log of its tenant, never for the one who sent it.
 */
export class RefusedCredential extends Error {
  override readonly name = 'RefusedCredential'
  readonly refusal: CredentialRefusal

  constructor(refusal: CredentialRefusal) {
    super(refusal.reason)
    this.refusal = refusal
  }
}

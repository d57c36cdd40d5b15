import type { Tx } from '@memoric/postgres/lease.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { findStep, isCode } from './authenticator.ts'
import { hashRecoveryCode } from './recovery-codes.ts'
import { type Spent, spendRecoveryCode, spendStep } from './totp-repository.ts'

/** A user who keeps a second factor. */
export interface FactorOwner {
  readonly tenant_id: string
  readonly id: string
  /** Not null where a second factor counts. */
  readonly totp_sealed: Uint8Array | null
}

/** What a user gave in the place of a second factor: right as far as can be seen before it is spent. */
export type SecondFactor =
  { readonly kind: 'totp'; readonly step: number } | { readonly kind: 'recovery_code'; readonly hash: Buffer }

/** Reads a code of the app or a recovery code; null for a code that is wrong. */
export async function readSecondFactor(keys: AuthKeys, owner: FactorOwner, text: string): Promise<SecondFactor | null> {
  const code = text.replace(/\s/g, '')
  if (!isCode(code)) return { kind: 'recovery_code', hash: hashRecoveryCode(code) }
  const secret = openSecret(keys, owner)
  const step = secret === null ? null : await findStep(secret, code, Date.now())
  return step === null ? null : { kind: 'totp', step }
}

/**
 * Spends a factor in the transaction that it is for: no step and no recovery code works twice, however many come at once.
 * Undefined when it is spent already, or was never right.
 */
export async function spendSecondFactor(tx: Tx, owner: FactorOwner, factor: SecondFactor): Promise<Spent | undefined> {
  const [spent] = await (factor.kind === 'totp'
    ? spendStep(tx, owner, factor.step)
    : spendRecoveryCode(tx, owner, factor.hash))
  return spent
}

/** The secret of a user's authenticator app, base32; null when there is none. */
export function openSecret(
  keys: AuthKeys,
  { tenant_id: tenantId, id, totp_sealed: sealed }: FactorOwner,
): string | null {
  return sealed === null ? null : keys.credentials.open({ tenantId, recordId: id, field: 'totp' }, sealed)
}

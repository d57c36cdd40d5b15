import type { Consent } from '@memoric/contracts/privacy-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { ConsentRow } from './consent-repository.ts'

/** A consent as callers see it. */
export function consentView(row: ConsentRow, evidence: JsonValue): Consent {
  const { purpose, version, status, is_valid, granted_at, expires_at, recorded_at, recorded_by } = row
  return {
    purpose,
    version,
    status,
    is_valid,
    evidence,
    granted_at: granted_at?.toISOString() ?? null,
    expires_at: expires_at?.toISOString() ?? null,
    recorded_at: recorded_at.toISOString(),
    recorded_by,
  }
}

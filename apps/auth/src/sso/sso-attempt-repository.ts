import type { Tx } from '@memoric/postgres/lease.ts'

/** A browser on its way to a provider, as it is stored. */
export interface SsoAttemptRow {
  readonly state_hash: Buffer
  readonly provider_id: string
  readonly attempt_sealed: Uint8Array
}

/** Stores an attempt unless the provider has `max` open ones; gives a row when it is stored. */
export function insertAttempt(tx: Tx, attempt: SsoAttemptRow, seconds: number, max: number) {
  const { state_hash, provider_id, attempt_sealed } = attempt
  return tx<{ stored: boolean }[]>`
    insert into sso_attempts (state_hash, provider_id, attempt_sealed, expires_at)
    select ${state_hash}, ${provider_id}, ${attempt_sealed}, now() + make_interval(secs => ${seconds})
    where not exists (
      select from sso_attempts where provider_id = ${provider_id} and expires_at > now() offset ${max - 1})
    returning true as stored`
}

/** Takes an attempt: of several who ask at once, one gets it. */
export function takeAttempt(tx: Tx, stateHash: Buffer, providerId: string) {
  return tx<Pick<SsoAttemptRow, 'attempt_sealed'>[]>`
    delete from sso_attempts
    where state_hash = ${stateHash} and provider_id = ${providerId} and expires_at > now()
    returning attempt_sealed`
}

/** Removes some of the attempts that nobody came back from. */
export function removeExpiredAttempts(tx: Tx) {
  return tx`
    delete from sso_attempts
    where state_hash in (
      select state_hash from sso_attempts where expires_at <= now() order by expires_at limit 100 for update skip locked)`
}

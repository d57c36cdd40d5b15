import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'

type Loosens<T> = (from: T, to: T) => boolean

/** The rule of the installation, which null stands for, is as loose as a tenant can be. */
const higher: Loosens<number | null> = (from, to) => from !== null && (to === null || to > from)
const lower: Loosens<number | null> = (from, to) => from !== null && (to === null || to < from)
const off: Loosens<boolean> = (from, to) => from && !to

const READS: readonly TenantSettings['audit_reads'][] = ['none', 'sampled', 'all']

const LOOSENS: { readonly [K in keyof TenantSettings]: Loosens<TenantSettings[K]> } = {
  password_min_length: lower,
  session_lifetime_days: higher,
  session_idle_minutes: higher,
  sessions_per_user: higher,
  totp_required: off,
  sso_required: off,
  ip_allow: (from, to) => from !== null && (to === null || to.some((network) => !from.includes(network))),
  api_key_default_days: higher,
  api_key_max_days: higher,
  rate_limit: higher,
  consent_required: off,
  audit_reads: (from, to) => READS.indexOf(to) < READS.indexOf(from),
}

/** Which settings of a change let more happen than before. A network that is new counts as more, wherever it lies. */
export function loosenedSettings(before: TenantSettings, change: Partial<TenantSettings>): (keyof TenantSettings)[] {
  return (Object.keys(LOOSENS) as (keyof TenantSettings)[]).filter((key) => {
    // Both values are of this key, which the type of a union of functions cannot say.
    const loosens = LOOSENS[key] as Loosens<unknown>
    return change[key] !== undefined && loosens(before[key], change[key])
  })
}

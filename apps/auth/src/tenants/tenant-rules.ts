import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { createAddressCheck } from '@memoric/service/client-networks.ts'

/** Throws AppError `rule_violated` for settings that contradict each other. */
export function requireConsistent({ api_key_default_days: usual, api_key_max_days: most }: TenantSettings): void {
  if (usual === null || most === null || usual <= most) return
  throw violation('api_key_default_days', `is more than api_key_max_days (${most})`)
}

/** Throws AppError `rule_violated` when whoever sets the networks would be outside of them. */
export function requireWithin(networks: readonly string[] | null | undefined, clientAddress: string): void {
  if (networks == null || createAddressCheck([networks])?.(clientAddress) === true) return
  throw violation('ip_allow', `does not include the address of this request (${clientAddress})`)
}

/** Throws AppError `address_not_allowed` for an address outside of the networks of a tenant. */
export function requireAllowedAddress(networks: readonly string[] | null, clientAddress: string): void {
  if (networks === null || createAddressCheck([networks])?.(clientAddress) === true) return
  throw new AppError('address_not_allowed')
}

/** Throws AppError `rule_violated` when members would have no provider to sign in through. */
export function requireProvider(providers: readonly unknown[]): void {
  if (providers.length === 0) throw violation('sso_required', 'needs an identity provider')
}

function violation(setting: keyof TenantSettings, message: string): AppError {
  const errors = [{ pointer: `/settings/${setting}`, message }]
  return new AppError('rule_violated', { detail: `${setting} ${message}`, errors })
}

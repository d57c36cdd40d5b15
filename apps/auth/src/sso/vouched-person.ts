import { email as emailAddress } from '@memoric/contracts/auth-contract.ts'
import { ROLES, type Role } from '@memoric/contracts/permissions.ts'
import { text } from '@memoric/contracts/text.ts'
import type { SsoSettings } from './sso-settings.ts'

/** Claims of an ID token and of UserInfo, checked as to where they come from and not as to what they are. */
export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string }

/** A person for whom a provider vouches. */
export interface VouchedPerson {
  readonly subject: string
  /** Null unless the provider has verified it. */
  readonly email: string | null
  readonly displayName: string | undefined
  /** Names in the role claim; null where the provider gives no roles. */
  readonly roleNames: readonly string[] | null
}

const displayName = text(100)

export function vouchedPerson(claims: Claims, { role_claim }: Pick<SsoSettings, 'role_claim'>): VouchedPerson {
  const { email, email_verified, name } = claims
  const address = emailAddress.safeParse(email)
  return {
    subject: claims.sub,
    email: address.success && email_verified === true ? address.data : null,
    displayName: displayName.safeParse(name).data,
    roleNames: role_claim === null ? null : namesIn(Object.hasOwn(claims, role_claim) ? claims[role_claim] : undefined),
  }
}

function namesIn(claim: unknown): string[] {
  const names: unknown[] = Array.isArray(claim) ? claim : [claim]
  return names.filter((name) => typeof name === 'string')
}

/** Whether the settings let in a person with this address. */
export function isOfDomain(email: string, { email_domains }: Pick<SsoSettings, 'email_domains'>): boolean {
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase()
  return email_domains === null || email_domains.includes(domain)
}

/** The role of a person; null refuses. A member keeps the `present` one where the provider gives no roles. */
export function roleOf(
  { roleNames }: VouchedPerson,
  { role_mapping, default_role }: Pick<SsoSettings, 'role_mapping' | 'default_role'>,
  present: Role | null,
): Role | null {
  if (roleNames === null) return present ?? default_role
  const mapped = roleNames.map((name) => (Object.hasOwn(role_mapping, name) ? role_mapping[name] : undefined))
  // From the strongest to the weakest.
  return ROLES.find((role) => mapped.includes(role as Exclude<Role, 'owner'>)) ?? default_role
}

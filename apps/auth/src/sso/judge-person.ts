import type { Role } from '@memoric/contracts/permissions.ts'
import type { UserRow } from '../accounts/user-repository.ts'
import type { MemberByEmail } from './sso-identity-repository.ts'
import type { SsoSettings } from './sso-settings.ts'
import { isOfDomain, roleOf, type VouchedPerson } from './vouched-person.ts'

/** Why a person for whom a provider vouches is not let in. */
export type PersonRefusal =
  | 'email_not_verified'
  | 'domain_not_allowed'
  | 'owner'
  | 'deactivated'
  | 'linked_otherwise'
  | 'not_a_member'
  | 'no_role'

/** The members that a person may be: by the subject, and by the address. */
export interface Candidates {
  readonly linked: UserRow | undefined
  readonly byEmail: MemberByEmail | undefined
}

/** A person who is a member, becomes linked to one, becomes one, or is refused. */
export type Judgement =
  | { readonly kind: 'member'; readonly user: UserRow; readonly role: Role; readonly isLinked: boolean }
  | { readonly kind: 'new'; readonly email: string; readonly role: Role }
  | { readonly kind: 'refused'; readonly reason: PersonRefusal; readonly user: UserRow | undefined }

/** Decides about a person. Owners never come in through a provider: administrators could point it at themselves. */
export function judgePerson(person: VouchedPerson, settings: SsoSettings, { linked, byEmail }: Candidates): Judgement {
  const user = linked ?? byEmail
  const refuse = (reason: PersonRefusal): Judgement => ({ kind: 'refused', reason, user })
  const { email } = person
  if (email === null && (linked === undefined || settings.email_domains !== null)) return refuse('email_not_verified')
  if (email !== null && !isOfDomain(email, settings)) return refuse('domain_not_allowed')
  if (user?.role === 'owner') return refuse('owner')
  if (user !== undefined && user.deactivated_at !== null) return refuse('deactivated')
  if (linked === undefined && byEmail?.linked_otherwise === true) return refuse('linked_otherwise')
  if (user === undefined && !settings.create_members) return refuse('not_a_member')
  const role = roleOf(person, settings, user?.role ?? null)
  if (role === null) return refuse('no_role')
  if (user !== undefined) return { kind: 'member', user, role, isLinked: linked !== undefined }
  return email === null ? refuse('email_not_verified') : { kind: 'new', email, role }
}

import type { Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { insertUser, markEmailVerified } from '../accounts/user-repository.ts'
import type { Deps } from '../deps.ts'
import { selectKeyIdsOf, updateMember } from '../members/member-repository.ts'
import { newMember } from '../members/new-member.ts'
import type { Judgement } from './judge-person.ts'
import { memberTold, type SignInPlace } from './sso-events.ts'
import { insertIdentity, type SsoSubject } from './sso-identity-repository.ts'
import type { VouchedPerson } from './vouched-person.ts'

type Judged<Kind extends Judgement['kind']> = Extract<Judgement, { kind: Kind }>

export interface Settlement<Kind extends Judgement['kind'] = 'member' | 'new'> {
  readonly subject: SsoSubject
  readonly person: VouchedPerson
  readonly judgement: Judged<Kind>
  readonly place: SignInPlace
}

/** A member as the sign-in leaves it. */
export interface SettledMember {
  readonly tenant_id: string
  readonly id: string
  readonly role: Role
  readonly events: readonly OutboxEvent[]
  /** Ids by which gateways forget grants that are others now. */
  readonly announce: readonly string[]
}

/** Makes, links or changes the member as was decided. */
export function settleMember(tx: Tx, deps: Deps, settlement: Settlement): Promise<SettledMember> {
  const { judgement } = settlement
  return judgement.kind === 'new'
    ? createMember(tx, deps, { ...settlement, judgement })
    : changeMember(tx, deps, { ...settlement, judgement })
}

async function createMember(tx: Tx, deps: Deps, settlement: Settlement<'new'>): Promise<SettledMember> {
  const { subject, person, judgement, place } = settlement
  const { email, role } = judgement
  const { tenantId } = subject
  const member = newMember(deps.keys, { tenantId, email, displayName: person.displayName, role, passwordHash: null })
  await Promise.all([
    insertUser(tx, member),
    markEmailVerified(tx, member.tenant_id, member.id),
    insertIdentity(tx, subject, member.id),
  ])
  const details = { role, with_password: false }
  const events = [memberTold(deps.events, place, 'user.created', member.id, details, email)]
  return { tenant_id: tenantId, id: member.id, role, events, announce: [] }
}

async function changeMember(tx: Tx, deps: Deps, settlement: Settlement<'member'>): Promise<SettledMember> {
  const { subject, judgement, place } = settlement
  const { user, role, isLinked } = judgement
  const events: OutboxEvent[] = []
  const announce: string[] = []
  if (!isLinked) {
    await insertIdentity(tx, subject, user.id)
    events.push(memberTold(deps.events, place, 'user.updated', user.id, { changed: ['sso_identity'] }))
  }
  if (role !== user.role) {
    const columns = { role, active: true, display_name_sealed: user.display_name_sealed }
    const [, keys] = await Promise.all([updateMember(tx, user, columns), selectKeyIdsOf(tx, user)])
    events.push(memberTold(deps.events, place, 'user.role_changed', user.id, { from: user.role, to: role }))
    announce.push(user.id, ...keys.map(({ id }) => id))
  }
  return { tenant_id: user.tenant_id, id: user.id, role, events, announce }
}

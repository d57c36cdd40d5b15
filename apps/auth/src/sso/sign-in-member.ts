import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { lockEmail, selectUser, type UserRow } from '../accounts/user-repository.ts'
import type { Deps } from '../deps.ts'
import { newSession, type NewSession } from '../sessions/new-session.ts'
import { storeSession } from '../sessions/start-session.ts'
import { judgePerson, type Candidates } from './judge-person.ts'
import { settleMember } from './settle-member.ts'
import type { SignInProvider } from './sign-in-provider.ts'
import { SsoRefused } from './sso-refused.ts'
import { type SignInPlace, ssoSucceeded } from './sso-events.ts'
import { lockLinkedMember, lockMemberByEmail, lockSubject, type SsoSubject } from './sso-identity-repository.ts'
import { lockProvider } from './sso-provider-repository.ts'
import type { VouchedPerson } from './vouched-person.ts'

/** A member who has signed in. The caller announces `announce` after the commit and wakes the relay. */
export interface SignedIn {
  readonly user: UserRow
  readonly session: NewSession
  readonly announce: readonly string[]
}

/** Lets a person in as the member that the person is, or becomes, in one transaction. Throws SsoRefused. */
export async function signInMember(
  tx: Tx,
  deps: Deps,
  provider: SignInProvider,
  person: VouchedPerson,
  place: SignInPlace,
): Promise<SignedIn> {
  await requireUnchanged(tx, provider)
  const subject = subjectOf(deps, provider, person)
  const judgement = judgePerson(person, provider.settings, await findCandidates(tx, deps, subject, person))
  if (judgement.kind === 'refused') {
    throw new SsoRefused(judgement.reason, { userId: judgement.user?.id, email: person.email })
  }
  const member = await settleMember(tx, deps, { subject, person, judgement, place })
  const method = { method: 'sso', providerId: provider.id } as const
  const session = newSession(deps, member, provider.tenantSettings, place.context, method)
  const ended = await storeSession(tx, deps, { session, context: place.context })
  const [, [user]] = await Promise.all([
    outboxInsert(tx, [...member.events, ssoSucceeded(deps.events, place, session, person.email)]),
    selectUser(tx, provider.tenantId, member.id),
  ])
  if (user === undefined) throw new Error('a locked member is not there')
  return { user, session, announce: [...member.announce, ...ended] }
}

/** What was asked for and answered goes by the settings of then. */
async function requireUnchanged(tx: Tx, { tenantId, id, settingsSealed }: SignInProvider): Promise<void> {
  const [now] = await lockProvider(tx, tenantId, id)
  if (now === undefined || !Buffer.from(now.settings_sealed).equals(settingsSealed)) {
    throw new SsoRefused('provider_changed')
  }
}

function subjectOf({ keys }: Deps, { tenantId, id }: SignInProvider, { subject }: VouchedPerson): SsoSubject {
  return { tenantId, providerId: id, subjectIndex: keys.index('sso_subject', `${id} ${subject}`) }
}

async function findCandidates(
  tx: Tx,
  { keys }: Deps,
  subject: SsoSubject,
  { email }: VouchedPerson,
): Promise<Candidates> {
  await lockSubject(tx, subject)
  const [linked] = await lockLinkedMember(tx, subject)
  if (linked !== undefined || email === null) return { linked, byEmail: undefined }
  const index = keys.emailIndex(email)
  await lockEmail(tx, index)
  const [byEmail] = await lockMemberByEmail(tx, subject, index)
  return { linked, byEmail }
}

import type { Tx } from '@memoric/postgres/lease.ts'
import { userColumns, type UserRow } from '../accounts/user-repository.ts'

/** A subject of a provider. */
export interface SsoSubject {
  readonly tenantId: string
  readonly providerId: string
  readonly subjectIndex: Buffer
}

/** Lets one transaction at a time decide who a subject is. */
export function lockSubject(tx: Tx, { subjectIndex }: SsoSubject) {
  return tx`select pg_advisory_xact_lock(${subjectIndex.readBigInt64BE().toString()}::bigint)`
}

/** The member that a subject is; locked. */
export function lockLinkedMember(tx: Tx, { tenantId, providerId, subjectIndex }: SsoSubject) {
  return tx<UserRow[]>`
    select ${userColumns(tx)} from users
    where tenant_id = ${tenantId} and id = (
      select user_id from sso_identities
      where tenant_id = ${tenantId} and provider_id = ${providerId} and subject_index = ${subjectIndex})
    for update`
}

/** A member by address; locked. */
export interface MemberByEmail extends UserRow {
  /** Whether the member is another subject of the same provider. */
  readonly linked_otherwise: boolean
}

export function lockMemberByEmail(tx: Tx, { tenantId, providerId }: SsoSubject, emailIndex: Uint8Array) {
  return tx<MemberByEmail[]>`
    select ${userColumns(tx)}, exists (
        select from sso_identities i
        where i.tenant_id = ${tenantId} and i.provider_id = ${providerId} and i.user_id = users.id) as linked_otherwise
    from users where tenant_id = ${tenantId} and email_index = ${emailIndex}
    for update`
}

export function insertIdentity(tx: Tx, { tenantId, providerId, subjectIndex }: SsoSubject, userId: string) {
  return tx`
    insert into sso_identities (tenant_id, provider_id, subject_index, user_id)
    values (${tenantId}, ${providerId}, ${subjectIndex}, ${userId})`
}

/** Forgets which members the subjects of a provider are. */
export function deleteIdentitiesOf(tx: Tx, { tenant_id, id }: { readonly tenant_id: string; readonly id: string }) {
  return tx`delete from sso_identities where tenant_id = ${tenant_id} and provider_id = ${id}`
}

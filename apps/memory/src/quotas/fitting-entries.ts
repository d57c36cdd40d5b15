import type { QuotaName } from '@memoric/contracts/quota-contract.ts'
import type { Entry } from '../memories/merge-drafts.ts'
import { type Amount, exceeded, NOTHING, plus, type QuotaLimits } from './quota-rules.ts'

/** What is stored before some entries are written, and what may be. */
export interface Room {
  /** By subject; one that is missing stores nothing. */
  readonly subjects: ReadonlyMap<string, Amount>
  readonly tenant: Amount
  readonly limits: QuotaLimits
}

/** What becomes stored when an entry makes a memory. */
export function amountOf({ draft }: Entry): Amount {
  return { memories: 1, bytes: draft.sealed.length }
}

/**
 * The quota in the way of each entry that does not fit, by the id of its draft; those that fit are taken in their order. What is
 * `known` reinforces a memory and always fits.
 */
export function refusals(entries: readonly Entry[], known: ReadonlySet<string>, room: Room): Map<string, QuotaName> {
  const subjects = new Map(room.subjects)
  let tenant = room.tenant
  const refused = new Map<string, QuotaName>()
  for (const entry of entries) {
    const { id, subjectId } = entry.draft
    if (known.has(id)) continue
    const more = amountOf(entry)
    const then = { subject: plus(subjects.get(subjectId) ?? NOTHING, more), tenant: plus(tenant, more) }
    const quota = exceeded(then.subject, then.tenant, room.limits)
    if (quota !== null) {
      refused.set(id, quota)
      continue
    }
    subjects.set(subjectId, then.subject)
    tenant = then.tenant
  }
  return refused
}

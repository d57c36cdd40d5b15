import { AppError } from '@memoric/service/app-error.ts'
import { amountOf } from '../quotas/fitting-entries.ts'
import { type Amount, NOTHING, plus } from '../quotas/quota-rules.ts'
import type { ToldWrite, WrittenRow } from './memory-repository.ts'
import type { SubjectLock } from './subject-lock-repository.ts'
import type { Ask, Entry } from './merge-drafts.ts'
import type { DraftWrite, WrittenDraft } from './write-queue.ts'

/** The subjects that entries belong to, with the versions of the keys that sealed them. */
export function locksOf(entries: readonly Entry[]): SubjectLock[] {
  const locks = entries.map(({ draft: { subjectId, keyVersion, consent } }) => ({ subjectId, keyVersion, consent }))
  return [...new Map(locks.map((lock) => [`${lock.keyVersion} ${lock.consent} ${lock.subjectId}`, lock])).values()]
}

/** The events of each ask; `writes` are those that the asks were made of, in their order. */
export function eventsOf(writes: readonly DraftWrite[], asks: readonly Ask[]): ToldWrite[] {
  return asks.map((ask, at) => {
    const write = writes[at]
    if (write === undefined) throw new RangeError('a draft without events')
    return { ask, made: write.made, reinforced: write.reinforced }
  })
}

/** What became of each ask. Throws AppError `write_conflict` when its subject went away while it was being written. */
export function fatesOf(entries: readonly Entry[], asks: readonly Ask[], rows: readonly WrittenRow[]): WrittenDraft[] {
  const written = new Map(rows.map((row) => [row.entry_id, row]))
  const origins = new Map(entries.map(({ draft }) => [String(draft.id), draft]))
  return asks.map(({ entryId, isFirst }) => {
    const row = written.get(entryId)
    if (row === undefined) throw new AppError('write_conflict')
    const isNew = row.sealed === null
    return { row, made: isFirst && isNew, origin: isNew ? origins.get(entryId) : undefined }
  })
}

/** What the entries that made memories added to what is stored. */
export function madeOf(entries: readonly Entry[], rows: readonly WrittenRow[]): Amount {
  const made = new Set<string>(rows.filter(({ sealed }) => sealed === null).map(({ entry_id }) => entry_id))
  return entries.filter(({ draft }) => made.has(draft.id)).reduce((sum, entry) => plus(sum, amountOf(entry)), NOTHING)
}

import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectOwn } from './note-repository.ts'

/** Throws AppError `rule_violated` for sources that are no memories of the subject which the caller may see. */
export async function requireSources(tx: Tx, place: SubjectPlace, sources: readonly string[]): Promise<void> {
  if (sources.length === 0) return
  const own = new Set<string>((await selectOwn(tx, place, sources)).map(({ id }) => id))
  const message = 'must be a memory of the same subject'
  const errors = sources.flatMap((id, at) => (own.has(id) ? [] : [{ pointer: `/sources/${at}`, message }]))
  if (errors.length > 0) throw new AppError('rule_violated', { errors })
}

import { type IndexPart, markDead } from './index-part.ts'
import { compareIds, findId, ID_WORDS, lowerBound } from './memory-ids.ts'

/** Marks every document of `older` dead that `newer` has, too: both walk through their sorted ids side by side. */
export function supersede(older: IndexPart, newer: IndexPart): void {
  const [old, young] = [older.segment.ids, newer.segment.ids]
  if (old.length === 0 || young.length === 0) return
  let at = lowerBound(old, young, 0)
  let youngAt = lowerBound(young, old, at)
  while (at * ID_WORDS < old.length && youngAt * ID_WORDS < young.length) {
    const order = compareIds(old, at, young, youngAt)
    if (order === 0) markDead(older, at)
    if (order <= 0) at += 1
    if (order >= 0) youngAt += 1
  }
}

/** Marks the document with this id dead, wherever it is. */
export function bury(parts: readonly IndexPart[], id: Uint32Array): void {
  for (const part of parts) {
    const document = findId(part.segment.ids, id)
    if (document !== -1) markDead(part, document)
  }
}

/** Of parts in the order of their changes, the last one that has a memory has its current version. */
export function supersedeAll(parts: readonly IndexPart[]): void {
  for (const [at, newer] of parts.entries()) for (const older of parts.slice(0, at)) supersede(older, newer)
}

/** Marks in a merged part what died in its sources since `before`, copies of their marks, was taken. */
export function carryDeaths(sources: readonly IndexPart[], before: readonly Uint8Array[], merged: IndexPart): void {
  for (const [at, source] of sources.entries()) {
    for (let document = 0; document < source.dead.length; document++) {
      if (source.dead[document] === 0 || before[at]?.[document] !== 0) continue
      const id = source.segment.ids.subarray(document * ID_WORDS, (document + 1) * ID_WORDS)
      bury([merged], id)
    }
  }
}

import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { openParts, sealParts } from './handoff-box.ts'
import { type HandoffBox, selectHandoffBoxes, updateHandoffBoxes } from './handoff-repository.ts'

/** Seals up to `limit` handoffs and replaced versions of older keys under the current one, and gives how many there were. */
export async function resealHandoffs(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const keyId = Buffer.alloc(4)
  keyId.writeUInt32BE(keys.content.current().id)
  for (const table of ['handoffs', 'handoff_versions'] as const) {
    const boxes = await selectHandoffBoxes(tx, place, table, keyId, limit)
    if (boxes.length === 0) continue
    await updateHandoffBoxes(
      tx,
      place,
      table,
      boxes.map((box) => resealed(keys, place, box)),
    )
    return boxes.length
  }
  return 0
}

function resealed(keys: SubjectKeys, place: SubjectPlace, box: HandoffBox): HandoffBox {
  const at = { ...place, id: box.id, version: box.version }
  return { ...box, sealed: sealParts(keys, at, openParts(keys, at, box.sealed)) }
}

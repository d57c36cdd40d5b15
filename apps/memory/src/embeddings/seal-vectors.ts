import { CryptoError } from '@memoric/crypto/errors.ts'
import type { KeyRing } from '@memoric/crypto/key-ring.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { RebuildReason } from '../search/index-part.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { openBlock, VECTOR_FORMAT, type VectorBlock } from './vector-block.ts'
import type { BlockRow, SealedBlock } from './vector-repository.ts'

const DAMAGE: ReadonlySet<string> = new Set(['decryption_failed', 'invalid_box'])

function aad({ tenantId, subjectId }: SubjectPlace, blockId: string, model: string) {
  return recordAad({ tenantId, subjectId, recordId: blockId, field: `vectors ${model}`, version: VECTOR_FORMAT })
}

/** Seals a block under an id of its own: it opens for this subject, this model and under this id only. */
export function sealBlock(key: SealingKey, place: SubjectPlace, model: string, block: VectorBlock): SealedBlock {
  const blockId = uuidV7()
  return {
    blockId,
    model,
    firstSeq: block.sequences.reduce((least, seq) => Math.min(least, seq), Infinity),
    lastSeq: block.sequences.reduce((most, seq) => Math.max(most, seq), 0),
    vectors: block.count,
    format: VECTOR_FORMAT,
    sealed: sealBox(key, aad(place, blockId, model), block.bytes),
  }
}

/** The block of a row, or why it is of no use. */
export function unsealBlock(
  keys: KeyRing<SealingKey>,
  place: SubjectPlace,
  { block_id, model, format, sealed }: BlockRow,
): VectorBlock | RebuildReason {
  if (sealed === null) throw new RangeError('a block without its bytes')
  if (format !== VECTOR_FORMAT) return 'format'
  try {
    if (keys.find(boxKeyId(sealed)) === undefined) return 'key'
    return openBlock(openBox(keys, aad(place, block_id, model), sealed)) ?? 'damaged'
  } catch (error) {
    if (error instanceof CryptoError && DAMAGE.has(error.code)) return 'damaged'
    throw error
  }
}

/** The same block under the current key, or null when it does not open. */
export function resealBlock(keys: KeyRing<SealingKey>, place: SubjectPlace, row: BlockRow): Buffer | null {
  const block = unsealBlock(keys, place, row)
  if (typeof block === 'string') return null
  const anew = sealBox(keys.current(), aad(place, row.block_id, row.model), block.bytes)
  block.bytes.fill(0)
  return anew
}

import type { KeyRing } from '@memoric/crypto/key-ring.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { RebuildReason } from './index-part.ts'
import { openSegment } from './open-segment.ts'
import { FORMAT, type Segment, SegmentError } from './segment-format.ts'
import type { SealedSegment, SegmentRow, SubjectPlace } from './segment-repository.ts'

function aad({ tenantId, subjectId }: SubjectPlace, segmentId: string) {
  return recordAad({ tenantId, subjectId, recordId: segmentId, field: 'segment', version: FORMAT })
}

/** Seals a segment under an id of its own: it opens for this subject and under this id only. */
export function sealSegment(key: SealingKey, place: SubjectPlace, segment: Segment): SealedSegment {
  const segmentId = uuidV7()
  const seqs = segment.documents === 0 ? new Uint32Array(1) : segment.numbers.sequence.values
  return {
    segmentId,
    fromChange: segment.fromChange,
    toChange: segment.toChange,
    firstSeq: seqs.reduce((least, seq) => Math.min(least, seq), Infinity),
    lastSeq: seqs.reduce((most, seq) => Math.max(most, seq), 0),
    memories: segment.documents,
    format: FORMAT,
    sealed: sealBox(key, aad(place, segmentId), segment.bytes),
  }
}

const DAMAGE: ReadonlySet<string> = new Set(['decryption_failed', 'invalid_box'])

/** The segment of a row, or why it is of no use. */
export function unsealSegment(
  keys: KeyRing<SealingKey>,
  place: SubjectPlace,
  { segment_id, from_change, to_change, format, sealed }: SegmentRow,
): Segment | RebuildReason {
  if (sealed === null) throw new RangeError('a segment without its bytes')
  if (format !== FORMAT) return 'format'
  try {
    if (keys.find(boxKeyId(sealed)) === undefined) return 'key'
    const segment = openSegment(openBox(keys, aad(place, segment_id), sealed))
    return segment.fromChange === from_change && segment.toChange === to_change ? segment : 'damaged'
  } catch (error) {
    if (error instanceof SegmentError) return error.reason
    if (error instanceof CryptoError && DAMAGE.has(error.code)) return 'damaged'
    throw error
  }
}

/** The same segment under the current key, or null when it does not open. */
export function resealSegment(
  keys: KeyRing<SealingKey>,
  place: SubjectPlace,
  segmentId: string,
  sealed: Buffer,
): Buffer | null {
  try {
    const bytes = openBox(keys, aad(place, segmentId), sealed)
    const anew = sealBox(keys.current(), aad(place, segmentId), bytes)
    bytes.fill(0)
    return anew
  } catch (error) {
    if (error instanceof CryptoError && DAMAGE.has(error.code)) return null
    throw error
  }
}

import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Where a chunk stands: it opens nowhere else. */
export interface ChunkPlace extends SubjectPlace {
  readonly exportId: string
  readonly number: number
}

function aad({ tenantId, subjectId, exportId, number }: ChunkPlace) {
  return recordAad({ tenantId, subjectId, recordId: exportId, field: 'export', version: number })
}

export function sealChunk(keys: SubjectKeys, place: ChunkPlace, lines: Uint8Array): Buffer {
  return sealBox(keys.content.current(), aad(place), lines)
}

/** Throws CryptoError `unknown_key` for a key that the ring does not have, perhaps not yet; `decryption_failed`. */
export function openChunk(keys: SubjectKeys, place: ChunkPlace, sealed: Buffer): Buffer {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  return openBox(keys.content, aad(place), sealed)
}

import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Why an edit was proposed, decided and undone. */
export interface EditReasons {
  readonly reason: string
  readonly decision: string | null
  readonly undo: string | null
}

/** Where the reasons of an edit are stored: they open nowhere else. */
export interface EditPlace extends SubjectPlace {
  readonly id: string
  readonly version: number
}

function aad({ tenantId, subjectId, id, version }: EditPlace) {
  return recordAad({ tenantId, subjectId, recordId: id, field: 'edit', version })
}

export function sealReasons(keys: SubjectKeys, place: EditPlace, reasons: EditReasons): Buffer {
  return sealBox(keys.content.current(), aad(place), Buffer.from(JSON.stringify(reasons)))
}

/** Throws CryptoError as openAttributes. */
export function openReasons(keys: SubjectKeys, place: EditPlace, sealed: Buffer): EditReasons {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  // Authenticated: these are the bytes that sealReasons wrote.
  return JSON.parse(openBox(keys.content, aad(place), sealed).toString()) as EditReasons
}

import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Where a title is stored: it opens nowhere else. */
export interface TitlePlace extends SubjectPlace {
  readonly id: string
  readonly version: number
}

function aad({ tenantId, subjectId, id, version }: TitlePlace) {
  return recordAad({ tenantId, subjectId, recordId: id, field: 'thread', version })
}

export function sealTitle(keys: SubjectKeys, place: TitlePlace, title: string): Buffer {
  return sealBox(keys.content.current(), aad(place), Buffer.from(title))
}

/** Throws CryptoError as openAttributes. */
export function openTitle(keys: SubjectKeys, place: TitlePlace, sealed: Buffer): string {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  return openBox(keys.content, aad(place), sealed).toString()
}

import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** What must not be readable at rest of a person. */
export interface PersonNames {
  readonly name: string
  readonly aliases: readonly string[]
}

/** Where the names are stored: they open nowhere else. */
export interface PersonPlace extends SubjectPlace {
  readonly id: string
  readonly version: number
}

function aad({ tenantId, subjectId, id, version }: PersonPlace) {
  return recordAad({ tenantId, subjectId, recordId: id, field: 'person', version })
}

export function sealNames(keys: SubjectKeys, place: PersonPlace, names: PersonNames): Buffer {
  return sealBox(keys.content.current(), aad(place), Buffer.from(JSON.stringify(names)))
}

/** Throws CryptoError as openAttributes. */
export function openNames(keys: SubjectKeys, place: PersonPlace, sealed: Buffer): PersonNames {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  // Authenticated: these are the bytes that sealNames wrote.
  return JSON.parse(openBox(keys.content, aad(place), sealed).toString()) as PersonNames
}

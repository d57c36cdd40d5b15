import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** All of a capsule itself that must not be readable at rest. */
export interface CapsuleLabels {
  readonly name: string
  readonly note: string | null
}

/** Where the labels of a capsule are stored: they open nowhere else. */
export interface CapsulePlace extends SubjectPlace {
  readonly id: string
}

/** A capsule never changes. */
const VERSION = 1

function aad({ tenantId, subjectId, id }: CapsulePlace) {
  return recordAad({ tenantId, subjectId, recordId: id, field: 'capsule', version: VERSION })
}

export function sealLabels(keys: SubjectKeys, place: CapsulePlace, labels: CapsuleLabels): Buffer {
  return sealBox(keys.content.current(), aad(place), Buffer.from(JSON.stringify(labels)))
}

/** Throws CryptoError as openAttributes. */
export function openLabels(keys: SubjectKeys, place: CapsulePlace, sealed: Buffer): CapsuleLabels {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  // Authenticated: these are the bytes that sealLabels wrote.
  return JSON.parse(openBox(keys.content, aad(place), sealed).toString()) as CapsuleLabels
}

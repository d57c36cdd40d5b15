import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** All of a handoff that must not be readable at rest. */
export interface HandoffParts {
  readonly with_whom: string
  readonly experienced: string | null
  readonly noticed: string | null
  readonly learned: string | null
  readonly story: string | null
  readonly becoming: string | null
  readonly remember: string | null
  readonly tags: readonly string[]
}

/** Where a version of a handoff is stored: it opens nowhere else. */
export interface HandoffPlace extends SubjectPlace {
  readonly id: string
  readonly version: number
}

function aad({ tenantId, subjectId, id, version }: HandoffPlace) {
  return recordAad({ tenantId, subjectId, recordId: id, field: 'handoff', version })
}

export function sealParts(keys: SubjectKeys, place: HandoffPlace, parts: HandoffParts): Buffer {
  return sealBox(keys.content.current(), aad(place), Buffer.from(JSON.stringify(parts)))
}

/** Throws CryptoError as openAttributes. */
export function openParts(keys: SubjectKeys, place: HandoffPlace, sealed: Buffer): HandoffParts {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  // Authenticated: these are the bytes that sealParts wrote.
  return JSON.parse(openBox(keys.content, aad(place), sealed).toString()) as HandoffParts
}

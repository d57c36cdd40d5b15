import type { JsonValue } from '@memoric/contracts/text.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

export type EdgeProperties = Record<string, JsonValue>

/** Where the properties of an edge are stored: they open nowhere else. */
export interface EdgePlace extends SubjectPlace {
  readonly id: string
}

/** An edge never changes: it has one version. */
function aad({ tenantId, subjectId, id }: EdgePlace) {
  return recordAad({ tenantId, subjectId, recordId: id, field: 'edge', version: 1 })
}

export function sealProperties(keys: SubjectKeys, place: EdgePlace, properties: EdgeProperties): Buffer {
  return sealBox(keys.content.current(), aad(place), Buffer.from(JSON.stringify(properties)))
}

/** Throws CryptoError as openAttributes. */
export function openProperties(keys: SubjectKeys, place: EdgePlace, sealed: Buffer): EdgeProperties {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  // Authenticated: these are the bytes that sealProperties wrote.
  return JSON.parse(openBox(keys.content, aad(place), sealed).toString()) as EdgeProperties
}

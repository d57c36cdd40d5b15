import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** What must not be readable at rest of a cluster. */
export interface ClusterParts {
  readonly topic: string | null
  readonly category: string | null
  readonly terms: readonly string[]
  readonly memoryIds: readonly string[]
  readonly summary: string | null
  /** The memories that terms and summary were made from. */
  readonly quoted: readonly string[]
}

/** Where the parts are stored: they open nowhere else. */
export interface ClusterPlace extends SubjectPlace {
  readonly id: string
  readonly version: number
}

function aad({ tenantId, subjectId, id, version }: ClusterPlace) {
  return recordAad({ tenantId, subjectId, recordId: id, field: 'cluster', version })
}

export function sealCluster(keys: SubjectKeys, place: ClusterPlace, parts: ClusterParts): Buffer {
  return sealBox(keys.content.current(), aad(place), Buffer.from(JSON.stringify(parts)))
}

/** Throws CryptoError as openAttributes. */
export function openCluster(keys: SubjectKeys, place: ClusterPlace, sealed: Buffer): ClusterParts {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  // Authenticated: these are the bytes that sealCluster wrote.
  return JSON.parse(openBox(keys.content, aad(place), sealed).toString()) as ClusterParts
}

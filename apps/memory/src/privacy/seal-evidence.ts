import type { JsonValue } from '@memoric/contracts/text.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectEvidenceOfOtherKeys, updateEvidence } from './consent-repository.ts'

function aad({ tenantId, subjectId }: SubjectPlace, id: string) {
  return recordAad({ tenantId, subjectId, recordId: id, field: 'consent', version: 1 })
}

/** Seals the evidence of a consent. */
export function sealEvidence(keys: SubjectKeys, place: SubjectPlace, id: string, evidence: JsonValue): Buffer {
  return sealBox(keys.content.current(), aad(place, id), Buffer.from(JSON.stringify(evidence)))
}

/** Opens it again. Throws CryptoError as openAttributes. */
export function openEvidence(keys: SubjectKeys, place: SubjectPlace, id: string, sealed: Buffer): JsonValue {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  // Authenticated: these are the bytes that sealEvidence wrote.
  return JSON.parse(openBox(keys.content, aad(place, id), sealed).toString()) as JsonValue
}

/** Seals up to `limit` evidences of older keys under the current one, and gives how many there were. */
export async function resealEvidence(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const rows = await selectEvidenceOfOtherKeys(tx, place, keys.content.current().id, limit)
  await Promise.all(
    rows.map(({ id, sealed }) =>
      updateEvidence(tx, place, id, sealEvidence(keys, place, id, openEvidence(keys, place, id, sealed))),
    ),
  )
  return rows.length
}

import { personalData, type PersonalData } from '@memoric/contracts/event.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'

/** The line of the log that personal data belongs to; it opens at this place only. */
export interface PersonalPlace {
  readonly tenantId: string
  readonly actor: string
  readonly eventId: string
}

export function sealPersonal(key: SealingKey, place: PersonalPlace, personal: PersonalData): Buffer {
  return sealBox(key, aadOf(place), Buffer.from(JSON.stringify(personal)))
}

/** Throws CryptoError `decryption_failed` for another place or key. */
export function openPersonal(key: SealingKey, place: PersonalPlace, sealed: Uint8Array): PersonalData {
  return personalData.parse(JSON.parse(openBox(key, aadOf(place), sealed).toString('utf8')))
}

function aadOf({ tenantId, actor, eventId }: PersonalPlace) {
  return recordAad({ tenantId, subjectId: actor, recordId: eventId, field: 'personal', version: 1 })
}

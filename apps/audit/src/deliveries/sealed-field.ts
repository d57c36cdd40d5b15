import { recordAad } from '@memoric/crypto/record-aad.ts'
import { openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'

/** Where a sealed text of a tenant lies. */
export interface FieldPlace {
  readonly tenantId: string
  readonly recordId: string
  readonly field: 'alert_webhook.url' | 'alert_webhook.secret' | 'alert_mail.addresses'
}

export function sealField(key: SealingKey, place: FieldPlace, text: string): Buffer {
  return sealBox(key, aadOf(place), Buffer.from(text))
}

/** Throws CryptoError `decryption_failed` for another place or key. */
export function openField(key: SealingKey, place: FieldPlace, sealed: Uint8Array): string {
  return openBox(key, aadOf(place), sealed).toString('utf8')
}

function aadOf({ tenantId, recordId, field }: FieldPlace) {
  return recordAad({ tenantId, subjectId: '', recordId, field, version: 1 })
}

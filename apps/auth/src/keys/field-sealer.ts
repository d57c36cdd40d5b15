import type { Field } from '@memoric/crypto/bytes.ts'
import { openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'

/** Where a sealed text lives: it opens at this place only. */
export interface FieldPlace {
  readonly tenantId: string
  readonly recordId: string
  readonly field:
    | 'display_name'
    | 'email'
    | 'ip_allow'
    | 'mail'
    | 'name'
    | 'private_key'
    | 'session_client'
    | 'sso_attempt'
    | 'sso_settings'
    | 'successor'
    | 'totp'
}

/** Seals single texts of records. */
export interface FieldSealer {
  seal(place: FieldPlace, text: string): Buffer
  open(place: FieldPlace, box: Uint8Array): string
}

export function createFieldSealer(key: SealingKey): FieldSealer {
  return {
    seal: (place, text) => sealBox(key, aad(place), Buffer.from(text)),
    open: (place, box) => openBox(key, aad(place), box).toString(),
  }
}

function aad({ tenantId, recordId, field }: FieldPlace): readonly Field[] {
  return ['auth', tenantId, recordId, field]
}

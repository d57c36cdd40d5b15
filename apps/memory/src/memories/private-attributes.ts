import type { JsonValue } from '@memoric/contracts/text.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import type { KeyRing } from '@memoric/crypto/key-ring.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { EnrichmentState } from '../enrichment/enrichment-state.ts'

/** All of a memory that must not be readable at rest. */
export interface PrivateAttributes {
  readonly content: string
  readonly role: string | null
  readonly speaker: string | null
  readonly topic: string | null
  readonly category: string | null
  readonly entities: readonly string[]
  readonly tags: readonly string[]
  readonly metadata: Record<string, JsonValue>
  /** -1..1; nothing where nobody said. */
  readonly sentiment?: number | null
  /** Of memories that were written while enrichment was on. */
  readonly enrichment?: EnrichmentState
}

/** Where the attributes are stored: they open nowhere else. */
export interface AttributesPlace {
  readonly tenantId: string
  readonly subjectId: string
  readonly memoryId: string
  readonly version: number
}

function aad({ tenantId, subjectId, memoryId, version }: AttributesPlace) {
  return recordAad({ tenantId, subjectId, recordId: memoryId, field: 'memory', version })
}

/** Seals the attributes of one version of one memory. */
export function sealAttributes(key: SealingKey, place: AttributesPlace, attributes: PrivateAttributes): Buffer {
  return sealBox(key, aad(place), Buffer.from(JSON.stringify(attributes)))
}

/**
 * Opens them again. Throws CryptoError `unknown_key` for a box that was sealed with a key that is not in the ring, perhaps since the
 * ring was read; `decryption_failed` for anything else but the box of this place.
 */
export function openAttributes(keys: KeyRing<SealingKey>, place: AttributesPlace, sealed: Buffer): PrivateAttributes {
  if (keys.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  // Authenticated: these are the bytes that sealAttributes wrote.
  return JSON.parse(openBox(keys, aad(place), sealed).toString()) as PrivateAttributes
}

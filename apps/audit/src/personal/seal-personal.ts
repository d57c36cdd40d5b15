import { randomFillSync } from 'node:crypto'
import { personalData, type PersonalData } from '@memoric/contracts/event.ts'
import { commitTo, SALT_LENGTH } from '@memoric/crypto/commitment.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { z } from 'zod'

/** The line of the log that personal data belongs to; it opens at this place only. */
export interface PersonalPlace {
  readonly tenantId: string
  readonly actor: string
  readonly eventId: string
}

/** Personal data with what proves that it belongs to its line: the salt of the commitment, base64. */
export interface Disclosure {
  /** Null beside lines from before there were commitments. */
  readonly salt: string | null
  readonly personal: PersonalData
}

const sealedPersonal = personalData.extend({ salt: z.string().optional() })

/** Personal data sealed together with a new salt, and the commitment to it under this salt. */
export function sealPersonal(key: SealingKey, place: PersonalPlace, personal: PersonalData) {
  const salt = newSalt()
  const content = JSON.stringify({ ...personal, salt: salt.toString('base64') })
  return { sealed: sealBox(key, aadOf(place), Buffer.from(content)), commitment: commitTo(salt, personal) }
}

/** Throws CryptoError `decryption_failed` for another place or key. */
export function openPersonal(key: SealingKey, place: PersonalPlace, sealed: Uint8Array): PersonalData {
  return openDisclosure(key, place, sealed).personal
}

/** The same with the salt. */
export function openDisclosure(key: SealingKey, place: PersonalPlace, sealed: Uint8Array): Disclosure {
  const opened: unknown = JSON.parse(openBox(key, aadOf(place), sealed).toString('utf8'))
  const { salt, ...personal } = sealedPersonal.parse(opened)
  return { salt: salt ?? null, personal }
}

const salts = Buffer.alloc(SALT_LENGTH * 128)
let used = salts.length

/** Drawn from the system 128 at a time: one call for 4 KiB costs little more than one for 32 bytes. */
function newSalt(): Buffer {
  if (used === salts.length) {
    randomFillSync(salts)
    used = 0
  }
  const salt = Buffer.from(salts.subarray(used, used + SALT_LENGTH))
  salts.fill(0, used, (used += SALT_LENGTH))
  return salt
}

function aadOf({ tenantId, actor, eventId }: PersonalPlace) {
  return recordAad({ tenantId, subjectId: actor, recordId: eventId, field: 'personal', version: 1 })
}

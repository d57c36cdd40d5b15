import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import { z } from 'zod'
import type { AlertMailRow } from './alert-mail-repository.ts'
import { openField, sealField } from './sealed-field.ts'

const mailAddress = z.object({
  address: z.string(),
  isConfirmed: z.boolean(),
  /** What was sent to it, while it is not confirmed; null where nothing was. */
  code: z.string().nullable(),
  /** How long the code is good, ms since the epoch. */
  codeUntil: z.number(),
})
export type MailAddress = z.output<typeof mailAddress>

/** Rows of before there were codes have texts alone: nobody confirmed those. */
const stored = z.array(z.union([mailAddress, z.string().transform(unknownAddress)]))

const CODE_LENGTH = 16
const CODE_MS = 7 * 86_400_000

export function openAddresses(credentials: SealingKey, row: AlertMailRow | undefined): MailAddress[] {
  if (row === undefined) return []
  return stored.parse(JSON.parse(openField(credentials, placeOf(row.tenant_id), row.addresses_sealed)))
}

export function sealAddresses(credentials: SealingKey, tenantId: string, addresses: readonly MailAddress[]): Buffer {
  return sealField(credentials, placeOf(tenantId), JSON.stringify(addresses))
}

export function confirmedOf(addresses: readonly MailAddress[]): string[] {
  return addresses.filter(({ isConfirmed }) => isConfirmed).map(({ address }) => address)
}

/** The addresses that are wanted now: what was confirmed stays so, every other one has a code that is good. */
export function wantedAddresses(wanted: readonly string[], known: readonly MailAddress[], now: number): MailAddress[] {
  const before = new Map(known.map((one) => [one.address, one]))
  return [...new Set(wanted)].map((address) => {
    const one = before.get(address) ?? unknownAddress(address)
    const isGood = one.isConfirmed || (one.code !== null && one.codeUntil > now)
    return isGood ? one : { ...one, code: randomBytes(CODE_LENGTH).toString('base64url'), codeUntil: now + CODE_MS }
  })
}

/** The addresses with the one confirmed that the code was sent to; null when it was sent to none, or is too old. */
export function confirmAddress(addresses: readonly MailAddress[], code: string, now: number): MailAddress[] | null {
  const found = addresses.find((one) => one.code !== null && one.codeUntil > now && isSame(one.code, code))
  if (found === undefined) return null
  return addresses.map((one) => (one === found ? { ...one, isConfirmed: true, code: null } : one))
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function unknownAddress(address: string): MailAddress {
  return { address, isConfirmed: false, code: null, codeUntil: 0 }
}

function placeOf(tenantId: string) {
  return { tenantId, recordId: tenantId, field: 'alert_mail.addresses' } as const
}

import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { calculateJwkThumbprint } from 'jose'
import { z } from 'zod'
import type { FieldSealer } from '../keys/field-sealer.ts'

/** A key is published before it signs (standby) and until what it signed has expired (previous). */
export const SIGNING_KEY_STATES = ['standby', 'current', 'previous'] as const
export type SigningKeyState = (typeof SIGNING_KEY_STATES)[number]

const ed25519PublicJwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() })

/** Public half as it is published (RFC 8037). */
export type Ed25519PublicJwk = z.infer<typeof ed25519PublicJwk>

/** A signing key at rest. */
export interface StoredSigningKey {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string
  readonly state: SigningKeyState
  readonly public_jwk: Ed25519PublicJwk
  readonly private_sealed: Uint8Array
}

/** Makes an Ed25519 key and seals its private half. */
export async function createSigningKey(credentials: FieldSealer, state: SigningKeyState): Promise<StoredSigningKey> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const publicJwk = ed25519PublicJwk.parse(publicKey.export({ format: 'jwk' }))
  const kid = await calculateJwkThumbprint(publicJwk)
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return { kid, state, public_jwk: publicJwk, private_sealed: credentials.seal(place(kid), pem) }
}

/** Opens the private half. */
export function openSigningKey(credentials: FieldSealer, { kid, private_sealed }: StoredSigningKey): KeyObject {
  return createPrivateKey(credentials.open(place(kid), private_sealed))
}

function place(kid: string) {
  return { tenantId: PLATFORM_TENANT, recordId: kid, field: 'private_key' } as const
}

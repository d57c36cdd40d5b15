import { createCipheriv, createDecipheriv, createSecretKey, hash, type KeyObject } from 'node:crypto'
import { hkdfSha256 } from '@memoric/crypto/derive-key.ts'

/** A place in the stream, as a client hands it back. */
export interface KnownPlace {
  readonly seq: number
  /** Whether it is of the stream that there is now. */
  readonly isCurrent: boolean
}

/** Ids of the messages of a tenant: positions in the stream of all tenants, which nobody outside needs to know. */
export interface EventIds {
  /** 22 characters; the same for the same message at every gateway with the same key. */
  write(tenantId: string, created: string, seq: number): string
  /** Undefined for what is no id of this tenant. */
  read(tenantId: string, created: string, id: string): KnownPlace | undefined
}

const TAG = 4

/** One block of AES: position, tag of the tenant, tag of the stream. Whoever has no key finds neither order nor number in it. */
export function createEventIds(secret: string): EventIds {
  const info = Buffer.from('memoric/v1/event-id')
  const key = createSecretKey(hkdfSha256(Buffer.from(secret), Buffer.alloc(0), info, 32))
  return {
    write(tenantId, created, seq) {
      const block = Buffer.alloc(16)
      block.writeBigUInt64BE(BigInt(seq))
      tagOf(tenantId).copy(block, 8)
      tagOf(created).copy(block, 12)
      return encrypt(key, block).toString('base64url')
    },
    read(tenantId, created, id) {
      const sealed = Buffer.from(id, 'base64url')
      if (sealed.length !== 16 || sealed.toString('base64url') !== id) return undefined
      const block = decrypt(key, sealed)
      if (!block.subarray(8, 12).equals(tagOf(tenantId)) || block.readUInt8() !== 0) return undefined
      return { seq: Number(block.readBigUInt64BE()), isCurrent: block.subarray(12).equals(tagOf(created)) }
    },
  }
}

function tagOf(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, TAG)
}

function encrypt(key: KeyObject, block: Buffer): Buffer {
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(block)
}

function decrypt(key: KeyObject, block: Buffer): Buffer {
  return createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(block)
}

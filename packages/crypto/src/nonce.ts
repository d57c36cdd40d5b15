import { randomFillSync } from 'node:crypto'

import { XAES_NONCE_LENGTH } from './xaes-256-gcm.ts'

const pool = Buffer.alloc(XAES_NONCE_LENGTH * 128)
let used = pool.length

/**
 * Copies 24 fresh random bytes into `target` at `offset`. Drawn from the system in batches of 128, because one call for
 * 3 KiB costs little more than one for 24 bytes. Only for nonces, which are public; keys are never drawn from here.
 */
export function writeNonce(target: Buffer, offset: number): void {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += pool.copy(target, offset, used, used + XAES_NONCE_LENGTH)
}

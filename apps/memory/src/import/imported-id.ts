import { createHash } from 'node:crypto'
import type { MemoryId } from '@memoric/contracts/ids.ts'

/**
 * A UUIDv7 for something that was made elsewhere at `madeAt`: always the same for the same `source`, so that importing twice
 * makes nothing twice.
 */
export function importedId(madeAt: Date, source: readonly string[]): MemoryId {
  const bytes = createHash('sha256').update(JSON.stringify(source)).digest().subarray(0, 16)
  bytes.writeUIntBE(Math.max(0, madeAt.getTime()), 0, 6)
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f)
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f)
  const hex = bytes.toString('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
  // Made as one.
  return parts.join('-') as MemoryId
}

import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'

import { hash, parseOptions, verify } from '@node-rs/argon2'

import { CryptoError } from './errors.ts'
import { createWorkLimit } from './work-limit.ts'

const MAX_PASSWORD_BYTES = 1024
const OUTPUT_LENGTH = 32
const PREFIX = '$argon2id$v=19$'
/** What a stored hash may cost at most, so that a forged row cannot take the machine down. */
const ceiling = { memoryKib: 262_144, passes: 16, lanes: 8 } as const

/** The price of one argon2id hash (RFC 9106): memory in KiB, passes over it, lanes. */
export interface PasswordCost {
  readonly memoryKib: number
  readonly passes: number
  readonly lanes: number
}

/** OWASP's floor: 19 MiB, two passes, one lane. */
export const DEFAULT_PASSWORD_COST: PasswordCost = { memoryKib: 19_456, passes: 2, lanes: 1 }

/** Threads of libuv's pool, 4 unless UV_THREADPOOL_SIZE says otherwise, that hashes may take: files and name look-ups need the rest. */
const MOST_THREADS = 3

/** How a hasher works; hashes beyond `concurrency` wait, and beyond `maxQueue` waiting ones are refused. */
export interface PasswordHasherOptions {
  readonly cost?: PasswordCost
  readonly concurrency?: number
  readonly maxQueue?: number
}

/** Hashes and checks passwords, a bounded number at a time. All but `needsRehash` reject with CryptoError `busy` when full. */
export interface PasswordHasher {
  /** The PHC string of a password. Rejects with CryptoError `password_too_long` above 1,024 bytes. */
  hash(password: string): Promise<string>
  /** Whether a password belongs to a PHC string. Rejects with CryptoError `invalid_hash` when that is none of ours. */
  verify(stored: string, password: string): Promise<boolean>
  /** Costs what `verify` costs and is always false: for accounts that do not exist. */
  verifyDummy(password: string): Promise<false>
  /** Whether a PHC string was made at another cost than today's. */
  needsRehash(stored: string): boolean
}

/** The bytes to hash: Unicode NFKC, so that a password typed on another keyboard is the same; undefined when too long. */
function passwordBytes(password: string): Buffer | undefined {
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return undefined
  const bytes = Buffer.from(password.normalize('NFKC'))
  return bytes.length > MAX_PASSWORD_BYTES ? undefined : bytes
}

function costOf(stored: string): PasswordCost | undefined {
  if (!stored.startsWith(PREFIX)) return undefined
  try {
    const { memoryCost, timeCost, parallelism, outputLen } = parseOptions(stored)
    if (outputLen !== OUTPUT_LENGTH) return undefined
    return { memoryKib: memoryCost, passes: timeCost, lanes: parallelism }
  } catch {
    return undefined
  }
}

function isAffordable(cost: PasswordCost): boolean {
  return cost.memoryKib <= ceiling.memoryKib && cost.passes <= ceiling.passes && cost.lanes <= ceiling.lanes
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}

/** A PHC string that no password is known to match. */
function dummyHash({ memoryKib, passes, lanes }: PasswordCost): string {
  const parameters = `m=${memoryKib},t=${passes},p=${lanes}`
  return `${PREFIX}${parameters}$${unpadded(randomBytes(16))}$${unpadded(randomBytes(OUTPUT_LENGTH))}`
}

/** Hashes that a machine computes at once: they take all of a processor, and one is left to answer requests with. */
export function hashesAtOnce(processors = availableParallelism()): number {
  return Math.min(Math.max(processors - 1, 1), MOST_THREADS)
}

/**
 * Makes a hasher for argon2id with a random 16-byte salt and a 32-byte output. Hashing runs outside the event loop;
 * by default on all processors but one (three at most), with 48 waiting.
 */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const { cost = DEFAULT_PASSWORD_COST, concurrency = hashesAtOnce(), maxQueue = 48 } = options
  const limit = createWorkLimit(concurrency, maxQueue)
  const dummy = dummyHash(cost)
  const settings = {
    memoryCost: cost.memoryKib,
    timeCost: cost.passes,
    parallelism: cost.lanes,
    outputLen: OUTPUT_LENGTH,
  }
  const check = async (stored: string, password: string): Promise<boolean> => {
    const bytes = passwordBytes(password)
    return bytes !== undefined && (await limit(() => verify(stored, bytes)))
  }
  return {
    async hash(password) {
      const bytes = passwordBytes(password)
      if (bytes === undefined) throw new CryptoError('password_too_long')
      return limit(() => hash(bytes, settings))
    },
    async verify(stored, password) {
      const storedCost = costOf(stored)
      if (storedCost === undefined || !isAffordable(storedCost)) throw new CryptoError('invalid_hash')
      return check(stored, password)
    },
    async verifyDummy(password) {
      await check(dummy, password)
      return false
    },
    needsRehash(stored) {
      const old = costOf(stored)
      return old?.memoryKib !== cost.memoryKib || old.passes !== cost.passes || old.lanes !== cost.lanes
    },
  }
}

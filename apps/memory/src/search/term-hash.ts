/** 128 random bits of one subject, so that nobody outside can choose terms that collide. */
export type TermSeed = Uint32Array

/** Words of 32 bits in a seed. */
export const SEED_WORDS = 4

/** A new random seed. */
export function createTermSeed(): TermSeed {
  return crypto.getRandomValues(new Uint32Array(SEED_WORDS))
}

/**
 * Writes the 64-bit hash of a term into `hash`: `hash[0]` the low half, `hash[1]` the high one.
 * Two lanes that mix each UTF-16 unit as MurmurHash3 x86_32 does (with constants of their own), joined and finalised at the end.
 * Fast, not cryptographic: hashes are stored sealed only, and the seed is secret.
 */
export function hashTerm(seed: TermSeed, term: string, hash: Uint32Array): void {
  let high = seed[0] ?? 0
  let low = seed[1] ?? 0
  for (let at = 0; at < term.length; at++) {
    const unit = term.charCodeAt(at)
    high = (Math.imul(rotate(high ^ scramble(unit, 0xcc9e2d51, 15, 0x1b873593), 13), 5) + 0xe6546b64) | 0
    low = (Math.imul(rotate(low ^ scramble(unit, 0x239b961b, 17, 0xab0e9789), 19), 5) + 0x38b34ae5) | 0
  }
  high = finalise(high ^ term.length ^ (seed[2] ?? 0))
  low = finalise((low + high) ^ (seed[3] ?? 0))
  hash[0] = low
  hash[1] = finalise(high + low)
}

function scramble(unit: number, first: number, turns: number, second: number): number {
  return Math.imul(rotate(Math.imul(unit + 1, first), turns), second)
}

function rotate(word: number, turns: number): number {
  return (word << turns) | (word >>> (32 - turns))
}

function finalise(word: number): number {
  let mixed = word
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

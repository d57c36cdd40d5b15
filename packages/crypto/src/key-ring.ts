import { CryptoError } from './errors.ts'

/** Anything with the 32-bit number that sealed boxes carry. */
export interface IdentifiedKey {
  readonly id: number
}

/** The keys of one scope (a tenant, a subject and purpose): one to seal with, all of them to open with. Immutable. */
export interface KeyRing<K extends IdentifiedKey> {
  /** The key that new boxes are sealed with. */
  current(): K
  /**
   * The key with this id.
   * @throws CryptoError `unknown_key`.
   */
  byId(id: number): K
  /** The key with this id, or undefined. */
  find(id: number): K | undefined
  /** All ids, the current one first. */
  ids(): readonly number[]
}

/**
 * Makes a ring from the current key and the retired ones that still open boxes.
 * @throws CryptoError `invalid_key` when two keys share an id.
 */
export function createKeyRing<K extends IdentifiedKey>(current: K, previous: readonly K[] = []): KeyRing<K> {
  const keys = new Map([current, ...previous].map((key) => [key.id, key]))
  if (keys.size !== previous.length + 1) throw new CryptoError('invalid_key')
  return Object.freeze({
    current: () => current,
    byId(id: number) {
      const key = keys.get(id)
      if (key === undefined) throw new CryptoError('unknown_key')
      return key
    },
    find: (id: number) => keys.get(id),
    ids: () => [...keys.keys()],
  })
}

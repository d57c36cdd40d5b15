import { wipe } from '@memoric/crypto/bytes.ts'
import { createKeyCache } from '@memoric/crypto/key-cache.ts'
import { createSealingKey, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { generateKey, unwrapKey, wrapKey } from '@memoric/crypto/wrapped-key.ts'

/** A key of an actor, ready for use until the next `await`. */
export interface ActorKey {
  readonly keyId: string
  readonly key: SealingKey
}

/** A key of an actor as it lies in the database. */
export interface WrappedActorKey {
  readonly tenantId: string
  readonly actor: string
  readonly keyId: string
  readonly wrapped: Uint8Array
}

export interface ActorKeys {
  /** A new wrapped key for an actor. */
  create(tenantId: string, actor: string): Buffer
  /** Unwraps a key, or finds it unwrapped. Throws CryptoError `decryption_failed`. */
  open(stored: WrappedActorKey): ActorKey
  /** Drops a key that was destroyed. */
  forget(keyId: string): void
  /** Drops keys that were not used of late; call it now and then. */
  sweep(): void
  clear(): void
}

/** Enough for every actor of a batch, and for the actors of a busy day. */
const MAX_KEYS = 10_000
const TTL_MS = 300_000
/** Version of an actor's key in the boxes that it seals; a new key is a new row with a new `keyId`. */
const KEY_VERSION = 1

/** Makes and opens the keys of actors; unwrapped ones are kept for at most five minutes. */
export function createActorKeys(rootKey: SealingKey, now: () => number = Date.now): ActorKeys {
  const cache = createKeyCache<SealingKey>({
    maxEntries: MAX_KEYS,
    ttlMs: TTL_MS,
    now,
    dispose: (key) => key.destroy(),
  })
  return {
    create(tenantId, actor) {
      const key = generateKey()
      const wrapped = wrapKey(rootKey, contextOf(tenantId, actor), key)
      wipe(key)
      return wrapped
    },
    open({ tenantId, actor, keyId, wrapped }) {
      const known = cache.get(keyId)
      if (known !== undefined) return { keyId, key: known }
      const opened = unwrapKey(rootKey, contextOf(tenantId, actor), wrapped)
      const key = createSealingKey(KEY_VERSION, opened)
      wipe(opened)
      cache.set(keyId, key)
      return { keyId, key }
    },
    forget: (keyId) => cache.delete(keyId),
    sweep: () => cache.sweep(),
    clear: () => cache.clear(),
  }
}

function contextOf(tenantId: string, actor: string): string[] {
  return ['actor', tenantId, actor]
}

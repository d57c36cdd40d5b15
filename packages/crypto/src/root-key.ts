import { wipe } from './bytes.ts'
import { CryptoError } from './errors.ts'
import type { KekContext, KekProvider } from './kek.ts'
import { generateKey } from './wrapped-key.ts'

/** A root key as it lies at rest: what the KEK made of it, and which KEK that was. */
export interface StoredRootKey {
  readonly kekId: string
  readonly wrapped: Uint8Array
}

/** Where an app keeps its wrapped root key. */
export interface RootKeyStore {
  read(): Promise<StoredRootKey | null>
  /** Does nothing when there is a root key already: of two processes that start at once, one wins. */
  insertIfAbsent(key: StoredRootKey): Promise<void>
}

/** The configured KEK is not the one that wrapped the root key. The message names both by their ids, which reveal nothing. */
export class WrongKekError extends Error {
  override readonly name = 'WrongKekError'

  constructor(storedKekId: string, kekId: string) {
    super(
      `The root key of this database was wrapped by the key encryption key ${storedKekId}, and the configured one, ` +
        `${kekId}, cannot unwrap it. Start with the key that the database was made with.`,
    )
  }
}

/**
 * The 32-byte root key of an app: made, wrapped and stored on the first call, unwrapped on every later one. The caller
 * wipes it once the keys it needs are derived.
 * @throws WrongKekError when the stored key does not unwrap under `kek` and `context`; whatever the store or the provider
 *   rejects with.
 */
export async function ensureRootKey(kek: KekProvider, store: RootKeyStore, context: KekContext): Promise<Buffer> {
  const stored = (await store.read()) ?? (await createRootKey(kek, store, context))
  try {
    return await kek.unwrap(stored.wrapped, context)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    throw new WrongKekError(stored.kekId, kek.id)
  }
}

/** Stores a new root key, and reads back the one that won. */
async function createRootKey(kek: KekProvider, store: RootKeyStore, context: KekContext): Promise<StoredRootKey> {
  const key = generateKey()
  await store.insertIfAbsent({ kekId: kek.id, wrapped: await kek.wrap(key, context) })
  wipe(key)
  const stored = await store.read()
  if (stored === null) throw new Error('The root key was stored but cannot be read back.')
  return stored
}

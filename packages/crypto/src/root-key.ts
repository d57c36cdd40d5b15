import { wipe } from './bytes.ts'
import { CryptoError } from './errors.ts'
import type { KekContext, KekRing, KekWrapped } from './kek.ts'
import { generateKey } from './wrapped-key.ts'

/** Where an app keeps its wrapped root key. */
export interface RootKeyStore {
  read(): Promise<KekWrapped | null>
  /** Does nothing when there is a root key already: of two processes that start at once, one wins. */
  insertIfAbsent(key: KekWrapped): Promise<void>
  /** Puts `next` in the place of `before`, if that is still there. */
  replace(before: KekWrapped, next: KekWrapped): Promise<void>
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
 * The 32-byte root key of an app: made, wrapped and stored on the first call, unwrapped on every later one, and wrapped
 * anew when another KEK of the ring is the current one now. The caller wipes it once the keys it needs are derived.
 * @throws WrongKekError when the stored key does not unwrap under `keks` and `context`; CryptoError `kek_unavailable`;
 *   whatever the store rejects with.
 */
export async function ensureRootKey(keks: KekRing, store: RootKeyStore, context: KekContext): Promise<Buffer> {
  const stored = (await store.read()) ?? (await createRootKey(keks, store, context))
  const key = await unwrap(keks, stored, context)
  if (stored.kekId !== keks.id) await store.replace(stored, await keks.wrap(key, context))
  return key
}

async function unwrap(keks: KekRing, stored: KekWrapped, context: KekContext): Promise<Buffer> {
  try {
    return await keks.unwrap(stored, context)
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code === 'kek_unavailable') throw error
    throw new WrongKekError(stored.kekId, keks.id)
  }
}

/** Stores a new root key, and reads back the one that won. */
async function createRootKey(keks: KekRing, store: RootKeyStore, context: KekContext): Promise<KekWrapped> {
  const key = generateKey()
  await store.insertIfAbsent(await keks.wrap(key, context))
  wipe(key)
  const stored = await store.read()
  if (stored === null) throw new Error('The root key was stored but cannot be read back.')
  return stored
}

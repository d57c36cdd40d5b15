import type { Sql } from '@memoric/postgres/client.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { FieldSealer } from '../keys/field-sealer.ts'
import { createSigningKey, type StoredSigningKey } from './signing-key.ts'
import { insertSigningKey, lockSigningKeys, selectSigningKeys } from './signing-key-repository.ts'

/** The signing keys of this installation; the first start makes one, and of several that start at once only one does. */
export function ensureSigningKeys(sql: Sql, credentials: FieldSealer): Promise<readonly StoredSigningKey[]> {
  return systemTransaction(sql, async (tx) => {
    await lockSigningKeys(tx)
    const stored = await selectSigningKeys(tx)
    if (stored.some(({ state }) => state === 'current')) return stored
    const key = await createSigningKey(credentials, 'current')
    await insertSigningKey(tx, key)
    return [key, ...stored]
  })
}

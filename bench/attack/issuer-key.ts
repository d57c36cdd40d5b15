import { createPublicKey } from 'node:crypto'
import { authConfig } from '@memoric/app-auth/config.ts'
import { loadAuthKeys } from '@memoric/app-auth/keys/load-auth-keys.ts'
import { openSigningKey } from '@memoric/app-auth/signing-keys/signing-key.ts'
import { selectSigningKeys } from '@memoric/app-auth/signing-keys/signing-key-repository.ts'
import { createClient } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { loadConfig } from '@memoric/service/config.ts'
import type { TokenIssuer } from '@memoric/testkit/forged-tokens/token-forge.ts'

/** The key with which auth signs access tokens now, opened with what `environment` of auth says. Throws when there is none. */
export async function readIssuerKey(environment: Readonly<Record<string, string>>): Promise<TokenIssuer> {
  const config = loadConfig(authConfig, environment)
  const sql = createClient({ url: config.DATABASE_URL, max: 2, applicationName: 'attack' })
  try {
    const keys = await loadAuthKeys(config, sql)
    const [rows] = await systemFlight(sql, (tx) => [selectSigningKeys(tx)])
    const row = rows.find(({ state }) => state === 'current')
    if (row === undefined) throw new Error('auth has no signing key')
    const privateKey = openSigningKey(keys.credentials, row)
    return { kid: row.kid, privateKey, publicKey: createPublicKey(privateKey) }
  } finally {
    await sql.end()
  }
}

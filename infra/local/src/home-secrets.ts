import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { loadSecrets, type Secrets } from '@memoric/setup/secrets.ts'
import type { Home } from './home.ts'

/** The secrets of a home, made on its first start. Throws when one is lost without which its databases could not be read. */
export async function loadHomeSecrets(home: Home): Promise<Secrets> {
  const hasData = await access(join(home.postgres, 'cluster')).then(
    () => true,
    () => false,
  )
  return loadSecrets(home.secrets, hasData)
}

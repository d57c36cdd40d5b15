import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { internalContext } from '../internal-context.ts'
import {
  makeSigningKey,
  rotateSigningKeys,
  type RotationDeps,
  SIGNING_KEY_REST_SECONDS,
} from './rotate-signing-keys.ts'
import type { SigningKeyState } from './signing-key.ts'
import {
  deletePreviousSigningKeys,
  isSigningKeyOld,
  lockSigningKeys,
  selectSigningKeys,
} from './signing-key-repository.ts'

export interface MaintenanceDeps extends RotationDeps {
  readonly sql: Sql
  readonly config: { readonly SIGNING_KEY_DAYS: number }
}

/**
 * Makes the keys that are missing, which on the first start are all; rotates when it is time; removes keys whose tokens have all
 * expired. Of several processes at the same time one does it. Gives whether anything changed.
 */
export function maintainSigningKeys(deps: MaintenanceDeps): Promise<boolean> {
  return systemTransaction(deps.sql, async (tx) => {
    await lockSigningKeys(tx)
    const made = await makeMissing(tx, deps)
    const removed = await deletePreviousSigningKeys(tx, SIGNING_KEY_REST_SECONDS)
    const isDue = await isSigningKeyOld(tx, deps.config.SIGNING_KEY_DAYS)
    if (isDue)
      await rotateSigningKeys(tx, deps, { revoke: false, reason: 'scheduled' }, internalContext('service:auth'))
    return made || removed.length > 0 || isDue
  })
}

async function makeMissing(tx: Tx, { credentials }: RotationDeps): Promise<boolean> {
  const states: SigningKeyState[] = (await selectSigningKeys(tx)).map(({ state }) => state)
  const missing = (['current', 'standby'] as const).filter((state) => !states.includes(state))
  for (const state of missing) await makeSigningKey(tx, credentials, state)
  return missing.length > 0
}

import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { EventContext, EventFactory } from '@memoric/service/event-factory.ts'
import type { FieldSealer } from '../keys/field-sealer.ts'
import { createSigningKey, type SigningKeyState } from './signing-key.ts'
import {
  deletePreviousSigningKeys,
  deleteSigningKeys,
  insertSigningKey,
  lockSigningKeys,
  moveSigningKey,
} from './signing-key-repository.ts'
import { ACCESS_TOKEN_SECONDS } from './access-tokens.ts'

/** Longest time that a process may sign with a key that another one has retired: it looks at least this often. */
export const SIGNING_KEYS_POLL_SECONDS = 60

/** Seconds after which nothing that a retired key signed is good any more. */
export const SIGNING_KEY_REST_SECONDS = ACCESS_TOKEN_SECONDS + SIGNING_KEYS_POLL_SECONDS

export interface RotationDeps {
  readonly credentials: FieldSealer
  readonly events: EventFactory
}

export interface RotationRequest {
  /** Removes every key that was published, the next one too: whoever has one of them may have them all. */
  readonly revoke: boolean
  readonly reason: 'scheduled' | 'requested'
}

/** The keys after a rotation, by their kid. */
export interface Rotation {
  readonly current: string
  readonly standby: string
  /** What signed until now and is still good for a while. */
  readonly previous: string | null
  readonly removed: readonly string[]
}

/**
 * Signs with the key that stood by, which verifiers have known for long, and makes another one to stand by. The caller tells
 * processes and gateways after the commit (`announceSigningKeys`).
 */
export async function rotateSigningKeys(
  tx: Tx,
  { credentials, events }: RotationDeps,
  { revoke, reason }: RotationRequest,
  context: EventContext,
): Promise<Rotation> {
  await lockSigningKeys(tx)
  const removed = await (revoke ? deleteSigningKeys(tx) : deletePreviousSigningKeys(tx, SIGNING_KEY_REST_SECONDS))
  const [previous] = await moveSigningKey(tx, 'current', 'previous')
  const [next] = await moveSigningKey(tx, 'standby', 'current')
  const rotation = {
    current: next?.kid ?? (await makeSigningKey(tx, credentials, 'current')),
    standby: await makeSigningKey(tx, credentials, 'standby'),
    previous: previous?.kid ?? null,
    removed: removed.map(({ kid }) => kid),
  }
  const event = events({
    type: 'signing_key.rotated',
    context,
    tenantId: PLATFORM_TENANT,
    resourceId: rotation.current,
    statusCode: null,
    reason: revoke ? 'revoked' : reason,
    details: { previous: rotation.previous, standby: rotation.standby, removed: rotation.removed },
  })
  await outboxInsert(tx, [event])
  return rotation
}

/** Makes and stores a key; gives its kid. */
export async function makeSigningKey(tx: Tx, credentials: FieldSealer, state: SigningKeyState): Promise<string> {
  const key = await createSigningKey(credentials, state)
  await insertSigningKey(tx, key)
  return key.kid
}

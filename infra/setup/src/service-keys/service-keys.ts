import { setTimeout as sleep } from 'node:timers/promises'
import {
  changeHashes,
  hashOf,
  keyFileName,
  moveKey,
  type Pair,
  readHashes,
  readKey,
  readOrMakeKey,
  removeKey,
} from './service-key-files.ts'

export interface ServiceKeys {
  /** The folder of secrets. */
  readonly folder: string
  /** Hands out what has changed in the folder, where processes read copies. */
  readonly handOut: () => Promise<void>
}

export interface Rotation {
  /** How long the services have to learn of the new key before it is presented, ms. They look every two seconds. */
  readonly settleMs: number
  /** How long both keys are taken once the new one is presented, ms. */
  readonly overlapMs: number
  readonly say: (line: string) => void
}

/** Makes the first key of a pair. Throws when there is one. */
export async function issueServiceKey({ folder, handOut }: ServiceKeys, pair: Pair): Promise<void> {
  const { [pair.caller]: hashes = [] } = await readHashes(folder, pair.app)
  if (hashes.length > 0) throw new Error(`${pair.caller} has a key for ${pair.app}. Rotate it, or revoke it first.`)
  const key = await readOrMakeKey(folder, keyFileName(pair), pair.caller)
  await changeHashes(folder, pair, () => [hashOf(key)])
  await handOut()
}

/**
 * Replaces the key of a pair while both services run: the called one takes both keys, then the caller presents the new one, then
 * the old one ends. May be interrupted at any point and called again. Throws when the pair has no key.
 */
export async function rotateServiceKey(keys: ServiceKeys, pair: Pair, rotation: Rotation): Promise<void> {
  const { folder, handOut } = keys
  const { settleMs, overlapMs, say } = rotation
  if ((await readKey(folder, keyFileName(pair))) === null) throw missing(pair)
  const next = await readOrMakeKey(folder, nextFileName(pair), pair.caller)
  await changeHashes(folder, pair, (hashes) => [...hashes.filter((hash) => hash !== hashOf(next)), hashOf(next)])
  await handOut()
  say(`${pair.app} takes the new key beside the old one`)
  await sleep(settleMs)
  await moveKey(folder, nextFileName(pair), keyFileName(pair))
  await handOut()
  say(`${pair.caller} presents the new key; the old one ends in ${overlapMs / 1000} s`)
  await sleep(overlapMs)
  await finishRotation(keys, pair)
}

/** Ends every key of a pair but the one that its caller presents. Throws when the caller has not got the new one yet. */
export async function finishRotation({ folder, handOut }: ServiceKeys, pair: Pair): Promise<void> {
  if ((await readKey(folder, nextFileName(pair))) !== null) {
    throw new Error(`${pair.caller} does not present the new key yet: rotate again, which goes on where it stopped.`)
  }
  const current = await readKey(folder, keyFileName(pair))
  if (current === null) throw missing(pair)
  await changeHashes(folder, pair, () => [hashOf(current)])
  await handOut()
}

/** Ends every key of a pair at once. */
export async function revokeServiceKey({ folder, handOut }: ServiceKeys, pair: Pair): Promise<void> {
  await changeHashes(folder, pair, () => [])
  await removeKey(folder, keyFileName(pair))
  await removeKey(folder, nextFileName(pair))
  await handOut()
}

/** Makes sure that the gateway has a key for each of `apps`, and that each takes it. */
export async function ensureGatewayKeys(folder: string, apps: readonly string[]): Promise<void> {
  for (const app of apps) {
    const pair = { caller: 'gateway', app }
    const key = await readOrMakeKey(folder, keyFileName(pair), pair.caller)
    const { gateway = [] } = await readHashes(folder, app)
    if (!gateway.includes(hashOf(key))) await changeHashes(folder, pair, () => [hashOf(key)])
  }
}

/** The key that a caller is about to get. */
function nextFileName(pair: Pair): string {
  return `${keyFileName(pair)}.next`
}

function missing({ caller, app }: Pair): Error {
  return new Error(`There is no key of ${caller} for ${app} here. Issue one.`)
}

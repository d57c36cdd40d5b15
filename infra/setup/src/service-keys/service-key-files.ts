import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createServiceKey,
  hashServiceKeySecret,
  parseServiceKey,
  type ServiceKey,
} from '@memoric/crypto/service-key.ts'
import { writePrivateFile } from '../write-private-file.ts'
import { withLock } from './with-lock.ts'

/** Who calls whom: each pair has keys of its own. */
export interface Pair {
  readonly caller: string
  /** The service that is called. */
  readonly app: string
}

/** For each caller the SHA-256 in hex of its keys, the newest last. */
export type Hashes = Readonly<Record<string, readonly string[]>>

const HASH = /^[0-9a-f]{64}$/

/** Name of the file with the key that a service presents to another. */
export function keyFileName({ caller, app }: Pair): string {
  return `${caller}-to-${app}.key`
}

/** Name of the file with the hashes of the keys that an app takes: its SERVICE_KEY_HASHES. */
export function hashesFileName(app: string): string {
  return `${app}-service-keys.json`
}

/** The key in a file, or null when there is none. Throws when the file is damaged. */
export async function readKey(folder: string, name: string): Promise<ServiceKey | null> {
  const text = await readIfThere(join(folder, name))
  if (text === null) return null
  const key = parseServiceKey(text.trim())
  if (key === null) throw new Error(`${join(folder, name)} holds no service key. Remove it, and issue a new key.`)
  return key
}

/** The key in a file; made at random where there is no file, so that work which was interrupted goes on with the same one. */
export async function readOrMakeKey(folder: string, name: string, caller: string): Promise<ServiceKey> {
  const known = await readKey(folder, name)
  if (known !== null) return known
  const key = createServiceKey(caller)
  await writePrivateFile(join(folder, name), `${key.text}\n`)
  return key
}

export async function moveKey(folder: string, from: string, to: string): Promise<void> {
  await rename(join(folder, from), join(folder, to))
}

export async function removeKey(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { force: true })
}

export function hashOf({ secret }: ServiceKey): string {
  return hashServiceKeySecret(secret).toString('hex')
}

/** The hashes of the keys that an app takes; none where there is no file. Throws when the file is damaged. */
export async function readHashes(folder: string, app: string): Promise<Hashes> {
  const file = join(folder, hashesFileName(app))
  const text = await readIfThere(file)
  if (text === null) return {}
  const hashes = parse(text)
  if (hashes === null)
    throw new Error(`${file} is damaged. Restore it, or remove it and issue the keys for ${app} anew.`)
  return hashes
}

/** Changes the hashes of one pair; an empty list takes the caller out. Nobody else changes the file meanwhile. */
export async function changeHashes(
  folder: string,
  { caller, app }: Pair,
  change: (hashes: readonly string[]) => readonly string[],
): Promise<void> {
  await withLock(join(folder, 'service-keys.lock'), async () => {
    const { [caller]: mine = [], ...others } = await readHashes(folder, app)
    const next = change(mine)
    const all = next.length > 0 ? { ...others, [caller]: next } : others
    await writePrivateFile(join(folder, hashesFileName(app)), `${JSON.stringify(all)}\n`)
  })
}

function parse(text: string): Hashes | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    const entries = Object.entries(value).map(([caller, list]) => [caller, [list].flat()] as const)
    const isRight = entries.every(([, list]) => list.every((hash) => typeof hash === 'string' && HASH.test(hash)))
    return isRight ? Object.fromEntries(entries) : null
  } catch {
    return null
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

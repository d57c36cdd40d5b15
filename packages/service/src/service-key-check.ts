import { parseServiceKey, verifyServiceKeySecret } from '@memoric/crypto/service-key.ts'

/** For each caller the SHA-256 in hex of its service keys: more than one while a key is being replaced. */
export type ServiceKeyHashes = Readonly<Record<string, string | readonly string[]>>

/** Gives the secret part of a presented service key, or null for a key that is not known. */
export type ServiceKeyCheck = (text: string) => string | null

/** Checks presented keys against the hashes that `hashes` gives at that time. */
export function createServiceKeyCheck(hashes: () => ServiceKeyHashes): ServiceKeyCheck {
  let source: ServiceKeyHashes | undefined
  let stored = new Map<string, Buffer[]>()
  let known = new Map<string, string>()
  return (text) => {
    if (source !== hashes()) {
      source = hashes()
      stored = read(source)
      known = new Map()
    }
    const secret = known.get(text) ?? secretOf(text, stored)
    if (secret !== null) known.set(text, secret)
    return secret
  }
}

function read(hashes: ServiceKeyHashes): Map<string, Buffer[]> {
  const entries = Object.entries(hashes)
  return new Map(entries.map(([caller, list]) => [caller, [list].flat().map((hash) => Buffer.from(hash, 'hex'))]))
}

function secretOf(text: string, stored: ReadonlyMap<string, readonly Buffer[]>): string | null {
  const key = parseServiceKey(text)
  if (key === null) return null
  const isKnown = stored.get(key.caller)?.some((hash) => verifyServiceKeySecret(key.secret, hash)) ?? false
  return isKnown ? key.secret : null
}

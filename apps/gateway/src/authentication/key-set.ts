import { setTimeout as sleep } from 'node:timers/promises'
import { ACCESS_TOKEN } from '@memoric/contracts/access-token.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { type CryptoKey, importJWK } from 'jose'
import { z } from 'zod'

/** The key set of auth as it is published (RFC 7517, RFC 8037). */
const published = z.object({
  keys: z.array(z.object({ kid: z.string(), kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() })).min(1),
})

/** The public keys by which access tokens are checked. */
export interface KeySet {
  /**
   * The key of a kid. One that is not known is looked for once more. Throws AppError `invalid_token` when auth does not publish it,
   * `service_unavailable` when the keys cannot be had.
   */
  find(kid: string): Promise<CryptoKey>
  /** Fetches the keys anew. Throws AppError `service_unavailable`. */
  reload(): Promise<void>
}

export interface KeySetOptions {
  /** Gives the JSON that auth publishes. */
  readonly fetchKeys: () => Promise<unknown>
  /** Longest time that keys are believed, ms. */
  readonly maxAgeMs: number
  /** Shortest time between two fetches for kids that nobody knows, ms: whoever sends junk shall not make us ask for each. */
  readonly cooldownMs?: number
  /** Told when a key that was known is published no more: nothing that it signed stands. */
  readonly onRemoved?: () => void
  readonly now?: () => number
}

interface Known {
  readonly keys: ReadonlyMap<string, CryptoKey>
  readonly askedAt: number
}

/** Makes a set that knows no keys yet. */
export function createKeySet(options: KeySetOptions): KeySet {
  const { fetchKeys, maxAgeMs, cooldownMs = 1000, onRemoved, now = Date.now } = options
  let known: Known | undefined
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let askedAt = -Infinity
  /** Kids that were published once: they never are again, so nobody need look for them. */
  const gone = new Set<string>()

  return {
    async find(kid) {
      if (known === undefined || now() - known.askedAt >= maxAgeMs) await (running ?? load())
      const key = known?.keys.get(kid) ?? (gone.has(kid) ? undefined : await findLater(kid))
      if (key === undefined) throw new AppError('invalid_token')
      return key
    },
    async reload() {
      // What is under way may have been answered before the keys changed.
      await running?.catch(() => undefined)
      await (running ?? load())
    },
  }

  async function findLater(kid: string): Promise<CryptoKey | undefined> {
    next ??= loadLater()
    await next
    return known?.keys.get(kid)
  }

  /** A fetch that begins after this moment, when the last one has cooled down. */
  async function loadLater(): Promise<void> {
    await running?.catch(() => undefined)
    await sleep(Math.max(0, askedAt + cooldownMs - now()))
    next = undefined
    await load()
  }

  function load(): Promise<void> {
    const loading = fetchAndKeep().finally(() => {
      if (running === loading) running = undefined
    })
    running = loading
    return loading
  }

  async function fetchAndKeep(): Promise<void> {
    askedAt = now()
    const asked = askedAt
    const keys = await readKeys(fetchKeys)
    if (known !== undefined && known.askedAt > asked) return
    const removed = [...(known?.keys.keys() ?? [])].filter((kid) => !keys.has(kid))
    known = { keys, askedAt: asked }
    for (const kid of removed) gone.add(kid)
    if (removed.length > 0) onRemoved?.()
  }
}

async function readKeys(fetchKeys: KeySetOptions['fetchKeys']): Promise<Map<string, CryptoKey>> {
  try {
    const { keys } = published.parse(await fetchKeys())
    return new Map(await Promise.all(keys.map(async ({ kid, ...jwk }) => [kid, await importKey(jwk)] as const)))
  } catch (cause) {
    throw new AppError('service_unavailable', { cause, retryAfter: 1 })
  }
}

async function importKey(jwk: { kty: 'OKP'; crv: 'Ed25519'; x: string }): Promise<CryptoKey> {
  const key = await importJWK(jwk, ACCESS_TOKEN.algorithm)
  if (key instanceof Uint8Array) throw new TypeError('not a public key')
  return key
}

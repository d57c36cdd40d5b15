import { hash } from 'node:crypto'
import type { Grant } from '@memoric/contracts/introspection.ts'
import type { LiveGrant } from './live-grant.ts'

/** Asks for a grant. `wasGranted` says that the credential stood when it was last asked about. */
type Load<G> = (wasGranted: boolean) => Promise<G | null>

/** Grants that were found lately, by credential; the credentials themselves are not kept. */
export interface GrantCache<G extends Grant = LiveGrant> {
  /** The grant of a credential, asked for by `load` when it is not known; null when the credential does not stand. */
  get(credential: string, load: Load<G>): Promise<G | null>
  /** Ends grants by their own id, by principal or by tenant. */
  revoke(ids: readonly string[]): void
  /** Forgets everything: revocations may have been missed. */
  clear(): void
}

export interface GrantCacheOptions {
  /** Longest time that a grant is believed without asking again, ms. */
  readonly ttlMs: number
  readonly maxEntries: number
  readonly now?: () => number
}

interface Entry<G> {
  readonly grant: G
  readonly until: number
}

/** Makes an empty cache. Revocations that arrive while a grant is being loaded count for that grant too. */
export function createGrantCache<G extends Grant = LiveGrant>({
  ttlMs,
  maxEntries,
  now = Date.now,
}: GrantCacheOptions): GrantCache<G> {
  const entries = new Map<string, Entry<G>>()
  const loading = new Map<string, Promise<G | null>>()
  /** Counts what may have ended grants, so that an answer from before is not kept. */
  let revocations = 0

  return {
    async get(credential, load) {
      const id = hash('sha256', credential, 'base64')
      const entry = entries.get(id)
      if (entry !== undefined && entry.until > now()) return entry.grant
      entries.delete(id)
      const running = loading.get(id) ?? begin(id, () => load(entry !== undefined))
      return running
    },
    revoke(ids) {
      distrustLoads()
      const ended = new Set(ids)
      for (const [id, { grant }] of entries) if (namesOf(grant).some((name) => ended.has(name))) entries.delete(id)
    },
    clear() {
      distrustLoads()
      entries.clear()
    },
  }

  /** Whoever asks from now on must not get an answer that was on its way before. */
  function distrustLoads(): void {
    revocations += 1
    loading.clear()
  }

  function begin(id: string, load: () => Promise<G | null>): Promise<G | null> {
    const running = loadAndKeep(id, load).finally(() => {
      if (loading.get(id) === running) loading.delete(id)
    })
    loading.set(id, running)
    return running
  }

  async function loadAndKeep(id: string, load: () => Promise<G | null>): Promise<G | null> {
    const before = revocations
    const askedAt = now()
    const grant = await load()
    if (grant === null || grant.expiresAt <= now()) return null
    if (before === revocations) keep(id, grant, askedAt)
    return grant
  }

  /** What is known may be as old as the question. */
  function keep(id: string, grant: G, askedAt: number): void {
    entries.set(id, { grant, until: Math.min(askedAt + ttlMs, grant.expiresAt) })
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) return
      entries.delete(oldest)
    }
  }
}

function namesOf({ grantId, principal, tenantId }: Grant): string[] {
  return [grantId, principal.id, tenantId]
}

import type { Caller } from '@memoric/contracts/caller.ts'
import type { UpdateMemory } from '@memoric/contracts/memory-contract.ts'
import { type Source, type Trust, TRUST_LEVELS } from '@memoric/contracts/provenance-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** Who wrote a version of a memory, where its words come from, and how far it is to be trusted. */
export interface Provenance {
  /** `<type>:<id>` */
  readonly writtenBy: string
  readonly source: Source
  /** Position in TRUST_LEVELS. */
  readonly trust: number
}

/** What a writer says of it. */
export interface Stated {
  readonly source?: Exclude<Source, 'service'> | undefined
  readonly trust?: Trust | undefined
}

/** What is trusted without somebody who says so: what a tool gives, such as the text of a page, anybody may have written. */
const TRUST_OF_SOURCE: Readonly<Record<Source, Trust>> = {
  user: 'trusted',
  agent: 'standard',
  tool: 'untrusted',
  import: 'standard',
  service: 'standard',
}

/** The position of a level in TRUST_LEVELS. */
export function levelOf(trust: Trust): number {
  return TRUST_LEVELS.indexOf(trust)
}

/** The most trust that a credential gives: a person who is signed in is trusted, a program with a key is not more than standard. */
export function mostTrust({ principal }: Caller): number {
  return levelOf(principal.type === 'user' || principal.type === 'service' ? 'trusted' : 'standard')
}

/** `<type>:<id>` of a caller. */
export function nameOf({ principal }: Caller): string {
  return `${principal.type}:${principal.id}`
}

/** Of words that a caller brings. Throws AppError `trust_not_allowed` when it asks for more trust than its credential gives. */
export function provenanceOf(caller: Caller, stated: Stated): Provenance {
  const source = stated.source ?? (caller.principal.type === 'user' ? 'user' : 'agent')
  const most = mostTrust(caller)
  const trust = levelOf(stated.trust ?? TRUST_OF_SOURCE[source])
  if (stated.trust !== undefined && trust > most) throw tooMuch(most)
  return { writtenBy: nameOf(caller), source, trust: Math.min(trust, most) }
}

/** Of what Memoric makes of other memories: it is trusted no more than the least trusted of them. */
export function derivedProvenance(caller: Caller, rows: readonly { readonly trust: number }[]): Provenance {
  const trust = rows.reduce((least, row) => Math.min(least, row.trust), levelOf('trusted'))
  return { writtenBy: nameOf(caller), source: 'service', trust }
}

const WORDS = ['content', 'role', 'speaker', 'topic', 'category', 'entities', 'tags', 'metadata'] as const

/**
 * Of a changed memory; null leaves what it has. Whoever changes what it says is its writer, and it is trusted no more than before and
 * no more than what the writer would make, unless the writer says so. Throws AppError `trust_not_allowed`.
 */
export function changedProvenance(
  caller: Caller,
  row: { readonly written_by: string | null; readonly source: Source | null; readonly trust: number },
  change: UpdateMemory,
): Provenance | null {
  const saysMore = WORDS.some((word) => change[word] !== undefined)
  if (saysMore || change.source !== undefined) {
    const own = provenanceOf(caller, change)
    return change.trust === undefined ? { ...own, trust: Math.min(own.trust, row.trust) } : own
  }
  if (change.trust === undefined) return null
  const { trust } = provenanceOf(caller, change)
  return { writtenBy: row.written_by ?? nameOf(caller), source: row.source ?? 'agent', trust }
}

function tooMuch(most: number): AppError {
  return new AppError('trust_not_allowed', { detail: `the credential gives ${TRUST_LEVELS[most] ?? 'none'} at most` })
}

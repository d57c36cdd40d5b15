import type { Caller } from '@memoric/contracts/caller.ts'
import type { WakeUpDetail, WakeUpLayer } from '@memoric/contracts/wake-up-contract.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { NamedPerson } from '../persons/named-person.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Who wakes up, for a session with whom, and when. */
export interface WakeUpSource {
  readonly deps: MemoryDeps
  readonly caller: Caller
  readonly place: SubjectPlace
  readonly keys: SubjectKeys
  readonly person: NamedPerson | null
  readonly now: Date
}

/** Something that an agent may be told when it wakes up. */
export interface WakeUpItem {
  readonly id: string
  readonly kind: string
  readonly occurredAt: Date
  /** 0..1: what it is worth to be told. */
  readonly value: number
  /** Whether anybody may have written it. */
  readonly isUntrusted?: boolean
  /** What is told of it; it may have several lines. */
  text(detail: WakeUpDetail): string
}

/** Candidates of a layer, in any order. */
export interface Gathered {
  readonly items: readonly WakeUpItem[]
  /** Whether there is more that was not looked at. */
  readonly hasMore: boolean
}

/** A part of a wake-up. */
export interface LayerProvider {
  readonly layer: WakeUpLayer
  /** Its part of the tokens, compared with those of the others. */
  readonly share: number
  heading(source: WakeUpSource): string
  /** Looks for candidates, of which there must be a bounded number: some fifty at most, found through indexes. */
  gather(source: WakeUpSource): Promise<Gathered>
}

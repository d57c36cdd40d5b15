import type { ContextShape } from '@memoric/contracts/context-contract.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { TokenCounter } from '../tokens/count-tokens.ts'
import { messageOf, type Shaping, shapeContext, shapeText, type Told } from './context-shape.ts'
import { NOTICE, quoteMemory } from './quote-memory.ts'
import { SOME_CITATION } from '../tokens/some-citation.ts'

/** A context with its count. */
export interface MeasuredContext {
  readonly context: ContextShape
  readonly text: string | null
  readonly tokens: number
}

/** Counts what a context takes, as JSON and as text: neither may have more than the budget. */
export interface ContextMeasure {
  /** About what is taken besides the memories themselves. */
  base(candidates: readonly Memory[]): number
  /** About what a memory takes, or null when that is more than `limit`. */
  within(told: Told, limit: number): number | null
  /** Whether all of it is within the budget, exactly. */
  fits(told: readonly Told[]): boolean
  /** The context with its exact count. Metadata are left out where they do not fit. */
  made(told: readonly Told[]): MeasuredContext
}

/** Most of the budget that is kept free for metadata. */
const METADATA_SHARE = 0.15

export function createMeasure(counter: TokenCounter, shaping: Shaping, maxTokens: number): ContextMeasure {
  const hasText = shaping.style !== undefined
  return {
    base(candidates) {
      const told = candidates.map((memory): Told => ({ memory, part: 'related', shown: '' }))
      const bare = counter.count(JSON.stringify(shapeContext([], shaping, false)))
      const metadata = counter.count(JSON.stringify(metadataOnly(told, shaping)))
      const asJson = bare + Math.min(metadata, Math.floor(maxTokens * METADATA_SHARE))
      return hasText ? Math.max(asJson, counter.count(NOTICE) + HEADINGS) : asJson
    },
    within(told, limit) {
      if (limit <= 0) return null
      const cited = { ...told, citation: SOME_CITATION }
      const isMessage = shaping.format === 'chat' && told.part === 'thread'
      const piece: unknown = isMessage ? messageOf(cited) : quoteMemory(cited)
      return counter.countWithin(`${JSON.stringify(piece)},`, limit)
    },
    fits: (told) => measure(told, false) <= maxTokens,
    made(told) {
      const withMetadata = measure(told, true) <= maxTokens
      const context = shapeContext(told, shaping, withMetadata)
      const text = hasText ? shapeText(told, shaping) : null
      return { context, text, tokens: counter.count(text ?? JSON.stringify(context)) }
    },
  }

  function measure(told: readonly Told[], withMetadata: boolean): number {
    const asJson = counter.count(JSON.stringify(shapeContext(told, shaping, withMetadata)))
    return hasText ? Math.max(asJson, counter.count(shapeText(told, shaping))) : asJson
  }
}

/** Tokens of the headings and marks of a text. */
const HEADINGS = 20

function metadataOnly(told: readonly Told[], shaping: Shaping): unknown {
  const shape = shapeContext(told, shaping, true)
  if ('metadata' in shape) return shape.metadata
  return 'thread_id' in shape ? shape.thread_id : null
}

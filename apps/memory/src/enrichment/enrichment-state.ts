import {
  type CreateMemory,
  ENRICHED_FIELDS,
  type EnrichedField,
  IMPORTANCE_LEVELS,
  type UpdateMemory,
} from '@memoric/contracts/memory-contract.ts'
import type { PrivateAttributes } from '../memories/private-attributes.ts'

/** What a memory keeps of its enrichment, sealed with its attributes. */
export interface EnrichmentState {
  /** Fields that its callers never said anything about. */
  readonly left: readonly EnrichedField[]
  /** Those of them whose value was derived from the content; undefined while that waits. */
  readonly derived?: readonly EnrichedField[]
}

/** What can be derived from a content; null and empty where nothing can. */
export interface Derived {
  readonly topic: string | null
  readonly category: string | null
  readonly entities: readonly string[]
  readonly importance: number | null
  readonly sentiment: number | null
}

/** An importance besides the other attributes, which are sealed. */
export interface Enrichable {
  readonly attributes: PrivateAttributes
  readonly importance: number
}

/** The fields that a caller leaves out: a field that it names is its own, also when it names it as empty. */
export function leftBy(input: CreateMemory): EnrichedField[] {
  return ENRICHED_FIELDS.filter((field) => input[field] === undefined)
}

export function isWaiting({ enrichment }: PrivateAttributes): boolean {
  return enrichment !== undefined && enrichment.derived === undefined && enrichment.left.length > 0
}

/**
 * Settles a change by a caller: the fields that it names are the caller's from now on, and what was derived from a content that is
 * gone is taken back, to be derived anew.
 */
export function settleChange(before: Enrichable, after: Enrichable, change: UpdateMemory): Enrichable {
  const state = before.attributes.enrichment
  if (state === undefined) return after
  const isLeft = (field: EnrichedField): boolean => change[field] === undefined
  const left = state.left.filter(isLeft)
  const derived = state.derived?.filter(isLeft)
  const isSame = after.attributes.content === before.attributes.content
  if (isSame) {
    return { ...after, attributes: { ...after.attributes, enrichment: { left, ...(derived && { derived }) } } }
  }
  const cleared = clear(after, derived ?? [])
  return { ...cleared, attributes: { ...cleared.attributes, enrichment: { left } } }
}

function clear({ attributes, importance }: Enrichable, fields: readonly EnrichedField[]): Enrichable {
  const has = (field: EnrichedField): boolean => fields.includes(field)
  return {
    importance: has('importance') ? IMPORTANCE_LEVELS.medium : importance,
    attributes: {
      ...attributes,
      ...(has('topic') && { topic: null }),
      ...(has('category') && { category: null }),
      ...(has('entities') && { entities: [] }),
      ...(has('sentiment') && { sentiment: null }),
    },
  }
}

/** A memory that waits, with what was derived of it: only fields that are asked for, were left and are empty get a value. */
export function fillIn(before: Enrichable, found: Derived, asked: readonly EnrichedField[]): Enrichable {
  const { attributes, importance } = before
  const left = attributes.enrichment?.left ?? []
  const derived = left.filter((field) => asked.includes(field) && isEmpty(before, field) && !isNothing(found[field]))
  const has = (field: EnrichedField): boolean => derived.includes(field)
  return {
    importance: has('importance') ? (found.importance ?? importance) : importance,
    attributes: {
      ...attributes,
      ...(has('topic') && { topic: found.topic }),
      ...(has('category') && { category: found.category }),
      ...(has('entities') && { entities: found.entities }),
      ...(has('sentiment') && { sentiment: found.sentiment }),
      enrichment: { left, derived },
    },
  }
}

function isEmpty({ attributes, importance }: Enrichable, field: EnrichedField): boolean {
  if (field === 'importance') return Math.abs(importance - IMPORTANCE_LEVELS.medium) < 1e-6
  return isNothing(attributes[field])
}

function isNothing(value: Derived[EnrichedField] | undefined): boolean {
  return value === null || value === undefined || (typeof value === 'object' && value.length === 0)
}

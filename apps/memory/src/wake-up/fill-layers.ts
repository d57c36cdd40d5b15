import { WAKE_UP_DETAILS, type WakeUpDetail, type WakeUpLayer } from '@memoric/contracts/wake-up-contract.ts'
import type { TokenCounter } from '../tokens/count-tokens.ts'
import { type Chosen, PREFACE, renderHeading, renderItem, renderLayer } from './render-layers.ts'
import type { WakeUpItem } from './wake-up-layer.ts'
import { SOME_CITATION } from '../tokens/some-citation.ts'

/** A layer with its candidates, those that are worth most first. */
export interface FillableLayer {
  readonly layer: WakeUpLayer
  readonly heading: string
  readonly share: number
  readonly items: readonly WakeUpItem[]
}

export interface FilledLayer {
  readonly layer: WakeUpLayer
  readonly chosen: readonly Chosen[]
  /** Citation of the first item. */
  readonly first: number
  readonly tokens: number
  readonly leftOut: readonly WakeUpItem[]
}

export interface Filled {
  readonly text: string
  readonly tokens: number
  readonly layers: readonly FilledLayer[]
}

export interface FillOptions {
  readonly maxTokens: number
  /** The most that is told of each item; less where there is no room. */
  readonly detail: WakeUpDetail
}

/**
 * Chooses what is told within so many tokens. First each layer has its share, in which it takes what is worth most; then what was
 * shortened is told at length if there is room, and at last what was left out of any layer, by value.
 */
export function fillLayers(counter: TokenCounter, layers: readonly FillableLayer[], options: FillOptions): Filled {
  const filling = createFilling(counter, layers, options)
  const wanted = layers.filter(({ items }) => items.length > 0)
  const shares = wanted.reduce((sum, { share }) => sum + share, 0)
  const budget = filling.room()
  for (const layer of wanted) {
    const end = Math.max(0, filling.room() - Math.floor((budget * layer.share) / shares))
    for (const item of layer.items) filling.take(layer, item, filling.room() - end)
  }
  for (const { items } of wanted) for (const item of items) filling.lengthen(item)
  const left = wanted.flatMap((layer) => layer.items.map((item) => ({ layer, item })))
  for (const { layer, item } of left.sort((a, b) => b.item.value - a.item.value)) {
    filling.take(layer, item, filling.room())
  }
  return measured(counter, layers, filling.chosen, options.maxTokens)
}

/** How many tokens something has, or, until that is known, more than how many. */
interface Count {
  readonly above: number
  readonly tokens?: number
}

type ChosenItems = Map<WakeUpItem, Chosen>

function createFilling(counter: TokenCounter, layers: readonly FillableLayer[], { maxTokens, detail }: FillOptions) {
  const details = WAKE_UP_DETAILS.slice(0, WAKE_UP_DETAILS.indexOf(detail) + 1).toReversed()
  const chosen: ChosenItems = new Map()
  const begun = new Set<FillableLayer>()
  const headings = new Map(layers.map((layer) => [layer, counter.count(`${renderHeading(layer.heading)}\n`)]))
  const counted = new Map<WakeUpItem, Partial<Record<WakeUpDetail, Count>>>()
  let room = Math.max(0, maxTokens - counter.count(`${PREFACE}\n`))

  return {
    chosen,
    room: () => room,
    /** Chooses an item as long as may be within `limit` tokens, if it is not chosen already and fits at all. */
    take(layer: FillableLayer, item: WakeUpItem, limit: number): void {
      if (chosen.has(item)) return
      const heading = begun.has(layer) ? 0 : (headings.get(layer) ?? 0)
      const found = fitting(item, details, limit - heading)
      if (found === undefined) return
      begun.add(layer)
      room -= found.tokens + heading
      chosen.set(item, found)
    },
    /** Tells more of an item that was shortened, if there is room now. */
    lengthen(item: WakeUpItem): void {
      const known = chosen.get(item)
      if (known === undefined || known.detail === detail) return
      const found = fitting(item, details.slice(0, details.indexOf(known.detail)), room + known.tokens)
      if (found === undefined) return
      room -= found.tokens - known.tokens
      chosen.set(item, found)
    },
  }

  function fitting(item: WakeUpItem, which: readonly WakeUpDetail[], limit: number): Chosen | undefined {
    if (limit <= 0) return undefined
    for (const each of which) {
      const tokens = tokensWithin(item, each, limit)
      if (tokens !== null) return { item, detail: each, tokens }
    }
    return undefined
  }

  /** What was counted once is not counted again. */
  function tokensWithin(item: WakeUpItem, each: WakeUpDetail, limit: number): number | null {
    const known = counted.get(item)?.[each]
    if (known?.tokens !== undefined) return known.tokens <= limit ? known.tokens : null
    if (known !== undefined && limit <= known.above) return null
    const tokens = counter.countWithin(`${renderItem(item, each, SOME_CITATION)}\n`, limit)
    counted.set(item, { ...counted.get(item), [each]: tokens === null ? { above: limit } : { above: 0, tokens } })
    return tokens
  }
}

/** The text is counted as a whole, which parts that were counted apart cannot promise: what is worth least goes while it is too long. */
function measured(
  counter: TokenCounter,
  layers: readonly FillableLayer[],
  chosen: ChosenItems,
  maxTokens: number,
): Filled {
  for (;;) {
    const { text, parts } = compose(layers, chosen)
    const tokens = counter.count(text)
    if (tokens <= maxTokens) return { text, tokens, layers: parts.map((part) => countedPart(counter, part)) }
    const [least] = [...chosen.keys()].sort((a, b) => a.value - b.value)
    if (least === undefined) throw new RangeError('a text of nothing that is too long')
    chosen.delete(least)
  }
}

interface Part extends Omit<FilledLayer, 'tokens'> {
  readonly text: string
}

function compose(layers: readonly FillableLayer[], chosen: ChosenItems): { text: string; parts: readonly Part[] } {
  let first = 1
  const parts = layers.map(({ layer, heading, items }): Part => {
    const told = items.flatMap((item) => chosen.get(item) ?? []).sort(byTime)
    const part = { layer, chosen: told, first, leftOut: items.filter((item) => !chosen.has(item)) }
    first += told.length
    return { ...part, text: told.length === 0 ? '' : renderLayer(heading, told, part.first) }
  })
  const texts = parts.flatMap(({ text }) => (text === '' ? [] : text))
  return { text: texts.length === 0 ? '' : [PREFACE, ...texts].join('\n'), parts }
}

function countedPart(counter: TokenCounter, { text, ...part }: Part): FilledLayer {
  return { ...part, tokens: text === '' ? 0 : counter.count(text) }
}

function byTime({ item: one }: Chosen, { item: other }: Chosen): number {
  return one.occurredAt.getTime() - other.occurredAt.getTime() || (one.id < other.id ? -1 : 1)
}

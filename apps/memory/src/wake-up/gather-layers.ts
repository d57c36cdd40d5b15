import type { WakeUpLayer } from '@memoric/contracts/wake-up-contract.ts'
import { type Standing, standingOf, STANDINGS } from '../standing/standings.ts'
import type { FillableLayer } from './fill-layers.ts'
import { untrustedOf } from '../edits/memory-standing.ts'
import { LAYERS } from './layers.ts'
import type { Gathered, LayerProvider, WakeUpItem, WakeUpSource } from './wake-up-layer.ts'

/** A layer with what it may tell, what it must not, and whether there is more. */
export interface GatheredLayer extends FillableLayer {
  readonly withheld: readonly WakeUpItem[]
  readonly hasMore: boolean
}

/** Candidates of the layers that were asked for. What a layer may tell, those after it leave to it. */
export async function gatherLayers(
  source: WakeUpSource,
  wanted: readonly WakeUpLayer[],
  providers: readonly LayerProvider[] = LAYERS,
  standings: readonly Standing[] = STANDINGS,
): Promise<GatheredLayer[]> {
  const asked = providers.filter(({ layer }) => wanted.includes(layer))
  const each = await Promise.all(asked.map((provider) => provider.gather(source)))
  const ids = new Set(each.flatMap(({ items }) => items.map(({ id }) => id)))
  const [standing, untrusted] = await Promise.all([
    standingOf(source.deps, source.caller, source.place, [...ids], standings),
    untrustedOf(source.deps, source.caller, source.place, [...ids]),
  ])
  const seen = new Set<string>()
  return asked.map((provider, nth) => {
    const { items, hasMore } = each[nth] ?? NOTHING
    const own = items.filter(({ kind, id }) => !seen.has(`${kind} ${id}`) && seen.add(`${kind} ${id}`))
    const heard = own.map((item) => weighed(item, standing(item.id), untrusted.has(item.id)))
    return {
      layer: provider.layer,
      heading: provider.heading(source),
      share: provider.share,
      items: heard.filter(({ value }) => value > 0).sort(byValue),
      withheld: own.filter(({ id }) => standing(id) === 0),
      hasMore,
    }
  })
}

const NOTHING: Gathered = { items: [], hasMore: false }

function weighed(item: WakeUpItem, factor: number, isUntrusted: boolean): WakeUpItem {
  if (factor === 1 && !isUntrusted) return item
  return { ...item, value: item.value * factor, isUntrusted, text: (detail) => item.text(detail) }
}

function byValue(one: WakeUpItem, other: WakeUpItem): number {
  return other.value - one.value || (one.id < other.id ? -1 : 1)
}

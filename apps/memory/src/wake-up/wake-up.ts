import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { WakeUpAnswer, WakeUpRequest } from '@memoric/contracts/wake-up-contract.ts'
import { subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findPerson } from '../persons/named-person.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { loadTokenCounter, TOKENIZER } from '../tokens/count-tokens.ts'
import { type Filled, type FilledLayer, fillLayers } from './fill-layers.ts'
import { gatherLayers, type GatheredLayer } from './gather-layers.ts'

type WakeUp = RouteTable['wakeUp']

/** What an agent needs to know when a session begins. Throws AppError `subject_not_allowed`, `consent_withdrawn`. */
export async function wakeUp(deps: MemoryDeps, { body, context }: Call<WakeUp>): Promise<RouteOutput<WakeUp>> {
  const { caller } = context
  const place = { tenantId: caller.tenantId, subjectId: subjectFor(caller, body.subject_id, DEFAULT_SUBJECT) }
  const counter = await loadTokenCounter()
  const answer = await deps.keys.forReading(place.tenantId, place.subjectId, async (keys) => {
    requireProcessing(keys)
    const person = await findPerson(deps, caller, place, keys, body.with_whom)
    const gathered =
      keys === null ? [] : await gatherLayers({ deps, caller, place, keys, person, now: deps.now() }, body.layers)
    const filled = fillLayers(counter, gathered, { maxTokens: body.max_tokens, detail: body.detail })
    return answerOf(place.subjectId, body, gathered, filled)
  })
  deps.reads.record({ type: 'wake_up.made', context, resourceId: place.subjectId, details: detailsOf(answer) })
  return { status: 200, body: answer }
}

function answerOf(
  subjectId: string,
  { with_whom, max_tokens, detail, layers }: WakeUpRequest,
  gathered: readonly GatheredLayer[],
  { text, tokens, layers: filled }: Filled,
): WakeUpAnswer {
  const viewOf = (layer: GatheredLayer) => {
    const part = filled.find((each) => each.layer === layer.layer)
    return layerView(layer, part)
  }
  const known = gathered.map(viewOf)
  const empty = layers.filter((name) => !gathered.some(({ layer }) => layer === name))
  const nothing = empty.map((layer) => ({ layer, tokens: 0, items: [], left_out: [], has_more: false }))
  return {
    subject_id: subjectId,
    with_whom: with_whom ?? null,
    text,
    tokens,
    max_tokens,
    tokenizer: TOKENIZER,
    detail,
    layers: [...known, ...nothing],
  }
}

function layerView({ layer, withheld, hasMore }: GatheredLayer, filled: FilledLayer | undefined) {
  const { chosen = [], first = 1, tokens = 0, leftOut = [] } = filled ?? {}
  return {
    layer,
    tokens,
    items: chosen.map(({ item, detail, tokens: ofItem }, nth) => ({
      id: item.id,
      kind: item.kind,
      citation: first + nth,
      occurred_at: item.occurredAt.toISOString(),
      detail,
      tokens: ofItem,
      value: Math.round(item.value * 1e6) / 1e6,
    })),
    left_out: [
      ...leftOut.map(({ id, kind }) => ({ id, kind, reason: 'budget' as const })),
      ...withheld.map(({ id, kind }) => ({ id, kind, reason: 'withheld' as const })),
    ],
    has_more: hasMore,
  }
}

/** What was told, and how much of it; not of whom. */
function detailsOf({ tokens, detail, layers }: WakeUpAnswer) {
  const told = new Set(layers.flatMap(({ items }) => items.map(({ id }) => id)))
  return { tokens, detail, layers: layers.map(({ layer }) => layer), told: [...told] }
}

import { createHash } from 'node:crypto'
import type { ConsolidationPeriod } from '@memoric/contracts/policy-contract.ts'
import { encodeFields } from '@memoric/crypto/bytes.ts'
import type { Happening } from './happenings.ts'
import { dayOf, endOf, periodBelow, startOf } from './periods.ts'
import type { ReflectionKind, ReflectionRow } from './reflection-repository.ts'

/** A memory that a reflection is made of. */
export interface Source {
  readonly id: string
  readonly version: number
}

/** A reflection as it ought to be. */
export interface Plan {
  readonly slot: Buffer
  readonly kind: ReflectionKind
  readonly namespace: string
  readonly person: Buffer | null
  readonly name: string | null
  readonly startsOn: string
  readonly endsOn: string
  readonly confidence: number
  readonly sources: readonly Source[]
  readonly hash: Buffer
  /** Of a principle: what it began with, and what it is to say. */
  readonly learned?: { readonly seedId: string; readonly seedNth: number; readonly sentences: readonly string[] }
}

/** What of a known reflection decides whether it has to be made anew. */
export type Known = Pick<
  ReflectionRow,
  'id' | 'version' | 'slot' | 'kind' | 'person' | 'seed_id' | 'starts_on' | 'sources_hash'
>

/** Reflections by their slots in hex. */
export type KnownSlots = ReadonlyMap<string, Known>

/** One alone stands for itself. */
const LEAST_SOURCES = 2
/** Most that one reflection is made of: the most important. */
const MOST_SOURCES = 200
/** Half of the way to certainty with so many sources. */
const HALF_SURE = 2
const SLOT_BYTES = 16

/** The reflections of a period: one for each namespace and person of which there are several things to tell. */
export function planPeriod(
  period: ConsolidationPeriod,
  start: string,
  happenings: readonly Happening[],
  known: KnownSlots,
): Plan[] {
  const groups = Map.groupBy(happenings, ({ namespace, person }) => `${person?.toString('hex') ?? ''} ${namespace}`)
  return [...groups.values()].flatMap((group): Plan[] => {
    const sources = mostImportant(group, sourcesOf(periodBelow(period), group, known))
    const last = group.at(-1)
    if (sources.length < LEAST_SOURCES || last === undefined) return []
    const { namespace, person } = last
    return [
      {
        slot: slotOf([period, start], namespace, person),
        kind: period,
        namespace,
        person,
        name: last.name,
        startsOn: start,
        endsOn: endOf(period, start),
        confidence: confidenceOf(sources.length),
        sources,
        hash: hashOf(sources),
      },
    ]
  })
}

/** What a longer period is made of: the reflections of the shorter ones, and what has none. */
function sourcesOf(below: ConsolidationPeriod | null, group: readonly Happening[], known: KnownSlots): Source[] {
  if (below === null) return group.map(({ id, version }) => ({ id, version }))
  const parts = Map.groupBy(group, ({ occurredAt }) => startOf(below, dayOf(occurredAt)))
  return [...parts].flatMap(([start, part]) => {
    const [first] = part
    const slot = first === undefined ? null : slotOf([below, start], first.namespace, first.person)
    const reflection = slot === null ? undefined : known.get(slot.toString('hex'))
    if (reflection !== undefined) return [{ id: reflection.id, version: reflection.version }]
    return sourcesOf(periodBelow(below), part, known)
  })
}

/** In their order; of too many those that matter most, the latest of equal ones. */
function mostImportant(group: readonly Happening[], sources: readonly Source[]): readonly Source[] {
  if (sources.length <= MOST_SOURCES) return sources
  const importance = new Map(group.map((each) => [String(each.id), each.importance]))
  const weight = ({ id }: Source) => importance.get(id) ?? 1
  const ranked = sources.map((source, at) => ({ source, at }))
  ranked.sort((one, other) => weight(other.source) - weight(one.source) || other.at - one.at)
  return ranked
    .slice(0, MOST_SOURCES)
    .sort((one, other) => one.at - other.at)
    .map(({ source }) => source)
}

/** How sure one may be of what so many sources say: 1/2 with two, 0.6 with three, 0.8 with eight. */
export function confidenceOf(sources: number): number {
  return sources / (sources + HALF_SURE)
}

/** What a reflection is about; there is one of each. */
export function slotOf(what: readonly string[], namespace: string, person: Buffer | null): Buffer {
  const fields = encodeFields([...what, namespace, person?.toString('hex') ?? ''])
  return createHash('sha256').update(fields).digest().subarray(0, SLOT_BYTES)
}

export function hashOf(sources: readonly Source[], more: readonly string[] = []): Buffer {
  const parts = sources.map(({ id, version }) => `${id} ${version}`).toSorted()
  return createHash('sha256')
    .update(encodeFields([...parts, ...more]))
    .digest()
    .subarray(0, SLOT_BYTES)
}

import type { AllowList } from '@memoric/contracts/caller.ts'
import { type Trust, TRUST_LEVELS } from '@memoric/contracts/provenance-contract.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import { containsJson } from './contains-json.ts'
import { foldLabel } from './index-document.ts'
import { isToldByLeaves, leavesOf, TOO_MANY_LEAVES } from './metadata-leaves.ts'
import { type LabelColumn, type ListColumn, type Segment, SUMMARISED } from './segment-format.ts'
import { findString } from './string-table.ts'
import { tierNumber } from './tier-number.ts'

/** Whether a document of one segment passes. */
export type DocumentTest = (document: number) => boolean

const never: DocumentTest = () => false

/** Scope and filters of a request, made for one segment: names are looked up once, then numbers are compared. */
export function testsOf(segment: Segment, request: SearchRequest, scope: SearchScope): DocumentTest[] {
  const { namespace, thread_id, topic, filters = {} } = request
  const { after, before, tier, role, speaker, category, tags, metadata, min_trust: minTrust } = filters
  const hasLabel = (name: LabelColumn, label: string | undefined) =>
    label === undefined ? undefined : hasString(segment, name, foldLabel(label))
  const hasName = (name: LabelColumn, text: string | undefined) =>
    text === undefined ? undefined : hasString(segment, name, text)
  const tests = [
    hasName('namespace', namespace),
    scope === 'thread' ? hasName('thread', thread_id) : undefined,
    scope === 'topic' ? hasLabel('topic', topic) : undefined,
    after === undefined ? undefined : isWithin(segment, Date.parse(after), Infinity),
    before === undefined ? undefined : isWithin(segment, -Infinity, Date.parse(before)),
    tier === undefined ? undefined : isInTier(segment, tierNumber(tier)),
    minTrust === undefined ? undefined : isTrusted(segment, minTrust),
    request.include_summarised === false ? isUnsummarised(segment) : undefined,
    hasLabel('role', role),
    hasLabel('speaker', speaker),
    hasLabel('category', category),
    tags === undefined ? undefined : hasAll(segment, 'tags', tags.map(foldLabel)),
    metadata === undefined || Object.keys(metadata).length === 0 ? undefined : hasMetadata(segment, metadata),
  ]
  return tests.filter((test) => test !== undefined)
}

/** Whether a document is in a namespace of the list. */
export function allowedNamespaces({ strings, numbers }: Segment, namespaces: AllowList): DocumentTest {
  if (namespaces === '*') return () => true
  const allowed = new Uint8Array(strings.starts.length)
  for (const name of namespaces) allowed[findString(strings, name)] = 1
  const { values, mask } = numbers.namespace
  return (document) => {
    const number = values[document & mask] ?? 0
    return number !== 0 && allowed[number] === 1
  }
}

function hasString(segment: Segment, column: LabelColumn, text: string): DocumentTest {
  const number = findString(segment.strings, text)
  return number === 0 ? never : hasNumber(segment, column, number)
}

function hasNumber({ numbers }: Segment, column: LabelColumn, number: number): DocumentTest {
  const { values, mask } = numbers[column]
  return (document) => values[document & mask] === number
}

function isInTier({ numbers }: Segment, tier: number): DocumentTest {
  const { values, mask } = numbers.tier
  return (document) => ((values[document & mask] ?? 0) & ~SUMMARISED) >>> 0 === tier
}

/** At least so far. */
function isTrusted({ numbers }: Segment, least: Trust): DocumentTest | undefined {
  const { values, mask } = numbers.trust
  const level = TRUST_LEVELS.indexOf(least)
  return level === 0 ? undefined : (document) => (values[document & mask] ?? 0) >= level
}

function isUnsummarised({ numbers }: Segment): DocumentTest {
  const { values, mask } = numbers.tier
  return (document) => ((values[document & mask] ?? 0) & SUMMARISED) === 0
}

/** From `start` on, and before `end`. */
function isWithin({ times }: Segment, start: number, end: number): DocumentTest {
  const { values, mask } = times.occurredAt
  return (document) => {
    const time = values[document & mask] ?? 0
    return time >= start && time < end
  }
}

function hasAll({ strings, lists }: Segment, column: ListColumn, texts: readonly string[]): DocumentTest {
  const numbers = texts.map((text) => findString(strings, text))
  const { starts, values } = lists[column]
  if (numbers.includes(0)) return never
  return (document) => {
    const own = values.subarray(starts[document] ?? 0, starts[document + 1] ?? 0)
    return numbers.every((number) => own.includes(number))
  }
}

/** Leaves say which metadata may contain the wanted ones; where that does not prove it, the metadata themselves are read. */
function hasMetadata(segment: Segment, wanted: JsonValue): DocumentTest {
  const contains = readsMetadata(segment, wanted)
  const leaves = leavesOf(wanted)
  if (leaves === undefined) return contains
  const mayContain = hasAll(segment, 'leaves', leaves)
  const hasTooMany = hasAll(segment, 'leaves', [TOO_MANY_LEAVES])
  const isTold = isToldByLeaves(wanted)
  return (document) =>
    mayContain(document) ? isTold || contains(document) : hasTooMany(document) && contains(document)
}

function readsMetadata({ metadata }: Segment, wanted: JsonValue): DocumentTest {
  const { starts, values } = metadata
  return (document) => {
    const text = values.toString('utf8', starts[document] ?? 0, starts[document + 1] ?? 0)
    // Sealed by us: this is what indexDocument wrote.
    return containsJson(text === '' ? {} : (JSON.parse(text) as JsonValue), wanted)
  }
}

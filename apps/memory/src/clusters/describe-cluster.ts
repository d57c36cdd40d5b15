import { createHmac } from 'node:crypto'
import { CLUSTER_LIMITS } from '@memoric/contracts/cluster-contract.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { encodeFields } from '@memoric/crypto/bytes.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { STOP_WORDS, words } from '../search/words.ts'
import { extractiveSummariser } from '../text-work/extractive-summariser.ts'
import { type Summariser, textOf } from '../text-work/summarise.ts'
import type { ClusterParts } from './cluster-box.ts'
import type { DocumentGroup } from './group-documents.ts'

/** Words that are shown of a cluster. */
const TERMS = 6

const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}'’]*/gu

/** The id of a cluster: the same as long as it is about the same. A keyed hash (RFC 9562 section 5.8), so it tells nothing. */
export function clusterId(keys: SubjectKeys, { namespace, key }: DocumentGroup): string {
  const hash = keyed(keys, ['cluster', namespace, key])
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

/** Another hash for other members, or other versions of them. */
export function membersHash(keys: SubjectKeys, { members }: DocumentGroup): Buffer {
  return keyed(keys, ['members', ...members.map(({ id, version }) => `${id} ${version}`)])
}

function keyed(keys: SubjectKeys, fields: readonly string[]): Buffer {
  return createHmac('sha256', keys.fingerprintKey).update(encodeFields(fields)).digest().subarray(0, 16)
}

/** What is told of a group; `memories` are some of its members in the order of time. */
export async function describeCluster(
  { topic, category, members }: DocumentGroup,
  memories: readonly Memory[],
  summariser: Summariser = extractiveSummariser,
): Promise<ClusterParts> {
  const sources = memories.map(({ id, content }) => ({ id, text: content }))
  const summary = await summariser.summarise(sources, { maxCharacters: CLUSTER_LIMITS.summaryCharacters })
  const text = textOf(summary)
  return {
    topic,
    category,
    terms: tellingWords(memories.map(({ content }) => content)),
    memoryIds: members
      .toSorted((one, other) => other.sequence - one.sequence)
      .slice(0, CLUSTER_LIMITS.memberIds)
      .map(({ id }) => id),
    summary: text === '' ? null : text,
    quoted: sources.map(({ id }) => id),
  }
}

/** Words that many of the texts have, as they are written most often. */
function tellingWords(texts: readonly string[]): string[] {
  const spellings = new Map<string, Map<string, number>>()
  const terms = texts.map((text) => {
    const own: string[] = []
    for (const [word] of text.toLowerCase().matchAll(WORD)) {
      for (const term of words(word)) {
        if (STOP_WORDS.has(term)) continue
        own.push(term)
        const spelling = words(word).length === 1 ? word : term
        const known = spellings.get(term) ?? new Map<string, number>()
        spellings.set(term, known.set(spelling, (known.get(spelling) ?? 0) + 1))
      }
    }
    return [...new Set(own)]
  })
  const counts = new Map<string, number>()
  for (const own of terms) for (const term of own) counts.set(term, (counts.get(term) ?? 0) + 1)
  return [...counts]
    .filter(([, count]) => count > 1 || texts.length === 1)
    .sort(([one, count], [other, otherCount]) => otherCount - count || (one < other ? -1 : 1))
    .slice(0, TERMS)
    .map(([term]) => mostCommon(spellings.get(term) ?? new Map([[term, 1]])))
}

function mostCommon(counts: ReadonlyMap<string, number>): string {
  const [first] = [...counts].sort(([one, count], [other, otherCount]) => otherCount - count || (one < other ? -1 : 1))
  return first?.[0] ?? ''
}

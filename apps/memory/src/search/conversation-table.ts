import type { Column, Ragged, Segment, SegmentContent } from './segment-format.ts'
import { stringAt } from './string-table.ts'
import { hashTerm, type TermSeed } from './term-hash.ts'

/** The conversations of a segment in the order of their hashes (two words each, low and high), and the documents of each in their order. */
export interface ConversationTable {
  readonly conversationHashes: Uint32Array
  readonly conversations: Ragged<Uint32Array>
}

/** What is said in one thread and in one session of it; one of the two may be missing. */
export interface ConversationName {
  readonly thread: string | null
  readonly session: string | null
}

/** Writes the hash of a conversation into `hash`. No name has a control character. */
export function hashConversation(seed: TermSeed, { thread, session }: ConversationName, hash: Uint32Array): void {
  hashTerm(seed, `${thread ?? ''}\n${session ?? '\n'}`, hash)
}

type TableInput = Pick<SegmentContent, 'numbers' | 'times' | 'strings' | 'seed'>

/** Puts the documents of each conversation together. */
export function tableOf({ numbers, times, strings, seed }: TableInput): ConversationTable {
  const { thread, session, sequence } = numbers
  const { buffer, byteOffset, length } = strings.values
  const texts = { starts: strings.starts, values: Buffer.from(buffer, byteOffset, length) }
  const nameAt = (number = 0): string | null => (number === 0 ? null : stringAt(texts, number))
  const groups = groupsOf(thread, session).map((documents) => {
    const hash = new Uint32Array(2)
    const [first = 0] = documents
    hashConversation(seed, { thread: nameAt(thread[first]), session: nameAt(session[first]) }, hash)
    documents.sort((one, other) => compareMoments(sequence, times.occurredAt, one, other))
    return { hash, documents }
  })
  groups.sort(({ hash: one }, { hash: other }) => (one[1] ?? 0) - (other[1] ?? 0) || (one[0] ?? 0) - (other[0] ?? 0))
  return layOut(groups)
}

interface Group {
  readonly hash: Uint32Array
  readonly documents: readonly number[]
}

function layOut(groups: readonly Group[]): ConversationTable {
  const conversationHashes = new Uint32Array(2 * groups.length)
  const starts = new Uint32Array(groups.length + 1)
  const values = new Uint32Array(groups.reduce((sum, { documents }) => sum + documents.length, 0))
  let end = 0
  for (const [at, { hash, documents }] of groups.entries()) {
    conversationHashes.set(hash, 2 * at)
    values.set(documents, end)
    starts[at + 1] = end += documents.length
  }
  return { conversationHashes, conversations: { starts, values } }
}

/** Documents by thread and session. */
function groupsOf(thread: Uint32Array, session: Uint32Array): number[][] {
  const groups = new Map<number, number[]>()
  for (let document = 0; document < thread.length; document++) {
    const key = (thread[document] ?? 0) * 2 ** 26 + (session[document] ?? 0)
    if (key === 0) continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [document])
    else group.push(document)
  }
  return [...groups.values()]
}

/** In the order of a conversation: when it was said, and what was stored first of what was said at once. */
function compareMoments(sequence: Uint32Array, time: Float64Array, one: number, other: number): number {
  return (time[one] ?? 0) - (time[other] ?? 0) || (sequence[one] ?? 0) - (sequence[other] ?? 0)
}

/** Which conversation a document is part of; undefined for none. */
export function conversationOf({ numbers, strings }: Segment, document: number): ConversationName | undefined {
  const name = ({ values, mask }: Column<Uint32Array>) => {
    const number = values[document & mask] ?? 0
    return number === 0 ? null : stringAt(strings, number)
  }
  const [thread, session] = [name(numbers.thread), name(numbers.session)]
  return thread === null && session === null ? undefined : { thread, session }
}

/** The documents of a conversation in a segment, in their order; `hash` is that of its name. */
export function findConversation(segment: Segment, hash: Uint32Array, name: ConversationName): Uint32Array | undefined {
  const { conversationHashes: hashes, conversations } = segment
  const [low = 0, high = 0] = hash
  for (let at = firstWith(hashes, low, high); hashes[2 * at] === low && hashes[2 * at + 1] === high; at++) {
    const documents = conversations.values.subarray(conversations.starts[at], conversations.starts[at + 1])
    const found = conversationOf(segment, documents[0] ?? 0)
    if (found?.thread === name.thread && found.session === name.session) return documents
  }
  return undefined
}

function firstWith(hashes: Uint32Array, low: number, high: number): number {
  let from = 0
  let to = hashes.length / 2
  while (from < to) {
    const middle = (from + to) >>> 1
    const itsHigh = hashes[2 * middle + 1] ?? 0
    if (itsHigh < high || (itsHigh === high && (hashes[2 * middle] ?? 0) < low)) from = middle + 1
    else to = middle
  }
  return from
}

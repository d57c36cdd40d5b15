import type { ScoredDocument } from './best-documents.ts'
import { type Conversation, createConversations, type DocumentPlace, placeKey } from './conversations.ts'
import { type LabelTest, namesSpeaker } from './named-labels.ts'
import type { Relevance } from './relevance.ts'
import type { Candidates } from './search-candidates.ts'

/** So many memories to which the words of a query give most lend to those around them, and have context themselves. */
export const ANCHORS = 32

/** What a memory lends to those next to it and next but one, as shares of what words give it: answers come after their questions. */
const SHARES = { before: [0.5, 0.25], after: [0.8, 0.4] } as const

const REACH = SHARES.before.length

/** What the best of a conversation lends to all of it. */
const CONVERSATION_SHARE = 0.3

/** What a memory has more of its own when the query names its speaker. */
const SPEAKER_SHARE = 0.3

/** What a neighbour lent. */
export interface Loan {
  readonly from: DocumentPlace
  /** -1 when it was said just before, 1 when just after, and so on. */
  readonly distance: number
  readonly gains: number
}

/** What a memory has from where it was said and by whom, in the measure of relevance. */
export interface Context extends DocumentPlace {
  readonly loans: readonly Loan[]
  readonly conversation: number
  readonly speaker: number
  /** All of it as a share of what the words of the query could give at most, 0..1. */
  readonly value: number
}

interface Entry extends DocumentPlace {
  readonly loans: Loan[]
  readonly conversation: Conversation | undefined
}

/** The context of the anchors and of their neighbours, which may have no word of the query. */
export function contextOf(
  candidates: Candidates,
  relevance: Relevance,
  words: readonly string[],
  anchors: readonly ScoredDocument[],
): Context[] {
  const find = createConversations(candidates)
  const entries = new Map<number, Entry>()
  const bestOf = new Map<Conversation, number>()
  for (const anchor of anchors) {
    const conversation = find(anchor)
    entryOf(anchor, conversation)
    if (conversation === undefined) continue
    bestOf.set(conversation, Math.max(bestOf.get(conversation) ?? 0, anchor.gains))
    for (const neighbour of conversation.neighboursOf(anchor, REACH)) {
      const { distance } = neighbour
      const shares = distance < 0 ? SHARES.before : SHARES.after
      const gains = (shares[Math.abs(distance) - 1] ?? 0) * anchor.gains
      entryOf(neighbour, conversation).loans.push({ from: anchor, distance: -distance, gains })
    }
  }
  const isNamed = speakerTests(candidates, words)
  return [...entries.values()].map((entry) => complete(entry))

  function entryOf(place: DocumentPlace, conversation: Conversation | undefined): Entry {
    const key = placeKey(place)
    const known = entries.get(key)
    if (known !== undefined) return known
    const entry = { part: place.part, document: place.document, loans: [], conversation }
    entries.set(key, entry)
    return entry
  }

  function complete({ part, document, loans, conversation: said }: Entry): Context {
    const lent = loans.reduce((sum, { gains }) => sum + gains, 0)
    const conversation = CONVERSATION_SHARE * ((said && bestOf.get(said)) ?? 0)
    const speaker = isNamed(part, document) ? SPEAKER_SHARE * (relevance.gainsOf(part, document) + lent) : 0
    const value = Math.min(1, (lent + conversation + speaker) / relevance.most)
    return { part, document, loans, conversation, speaker, value }
  }
}

function speakerTests({ parts }: Candidates, words: readonly string[]): (part: number, document: number) => boolean {
  const tests: LabelTest[] = []
  return (part, document) => {
    const segment = parts[part]?.part.segment
    if (segment === undefined) return false
    const { values, mask } = segment.numbers.speaker
    const test = (tests[part] ??= namesSpeaker(segment, words))
    return test(values[document & mask] ?? 0)
  }
}

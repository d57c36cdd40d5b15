import { sentencesOf } from '../text-work/sentences.ts'
import { STOP_WORDS } from '../search/words.ts'
import { noteTerm } from '../text-work/note-term.ts'
import { product, sumOf, type TermVector, vectorsOf } from '../text-work/term-vectors.ts'
import { turns } from '../text-work/turns.ts'
import { dayOf } from './periods.ts'

/** What a session taught. */
export interface Lesson {
  readonly id: string
  readonly occurredAt: Date
  readonly text: string
}

/** A sentence of a lesson. */
export interface Learning {
  readonly lesson: Lesson
  /** 0 for the first sentence of its lesson. */
  readonly nth: number
  readonly text: string
}

/** Sentences of different sessions that say about the same, oldest first. */
export type Recurring = readonly Learning[]

/** Sentences that are more alike than this say the same; at least from so many sessions, on so many days. */
const ALIKE = 0.5
const LEAST_SESSIONS = 3
const LEAST_DAYS = 2
/** Sentences of a lesson that are looked at. */
const MOST_SENTENCES = 6

/** What was learned again and again; the lessons stand in their order of time. */
export async function findRecurring(lessons: readonly Lesson[]): Promise<Recurring[]> {
  const sentences = lessons.flatMap((lesson) =>
    sentencesOf(lesson)
      .slice(0, MOST_SENTENCES)
      .map((each) => ({ lesson, each })),
  )
  const vectors = vectorsOf(sentences.map(({ each }) => each.terms.filter((term) => !STOP_WORDS.has(term))))
  const groups: { seed: TermVector; members: Learning[] }[] = []
  const groupsOf = new Map<string, number[]>()
  const turn = turns()
  for (const [at, { lesson, each }] of sentences.entries()) {
    await turn()
    const vector = vectors[at] ?? new Map<string, number>()
    const learning = { lesson, nth: each.position, text: each.text }
    const nearest = nearestOf(vector, groups, groupsOf)
    if (nearest !== undefined) {
      nearest.members.push(learning)
      continue
    }
    for (const term of vector.keys()) noteTerm(groupsOf, term, groups.length)
    groups.push({ seed: vector, members: [learning] })
  }
  return groups.map(({ members }) => members).filter(recurs)
}

function nearestOf<G extends { readonly seed: TermVector }>(
  vector: TermVector,
  groups: readonly G[],
  groupsOf: ReadonlyMap<string, readonly number[]>,
): G | undefined {
  let [best, most]: [G | undefined, number] = [undefined, ALIKE]
  const near = new Set([...vector.keys()].flatMap((term) => groupsOf.get(term) ?? []))
  for (const at of [...near].sort((one, other) => one - other)) {
    const group = groups[at]
    const likeness = group === undefined ? 0 : product(vector, group.seed)
    if (likeness > most) [best, most] = [group, likeness]
  }
  return best
}

function recurs(members: Recurring): boolean {
  const sessions = new Set(members.map(({ lesson }) => lesson.id))
  const days = new Set(members.map(({ lesson }) => dayOf(lesson.occurredAt)))
  return sessions.size >= LEAST_SESSIONS && days.size >= LEAST_DAYS
}

/** The sentence that has most in common with the others; the first of equal ones. */
export function mostCentral(sentences: readonly string[]): string {
  const parts = sentences.map((text) => sentencesOf({ id: '', text }).flatMap(({ terms }) => terms))
  const vectors = vectorsOf(parts)
  const sum = sumOf(vectors)
  const shared = vectors.map((vector) => product(vector, sum))
  const best = shared.reduce((most, value, at) => (value > (shared[most] ?? 0) + 1e-9 ? at : most), 0)
  return sentences[best] ?? ''
}

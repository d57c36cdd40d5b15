import { setImmediate } from 'node:timers/promises'
import type { ClusterDocument } from './gather-documents.ts'

/** Memories that are compared: the newest. */
const MOST_DOCUMENTS = 10_000

/** Words that a memory is compared by: those that weigh most. */
const MOST_TERMS = 24

/** Memories that are more alike than this are about the same. */
const ALIKE = 0.25

/** Where there are many memories, words that more than this part of them have tell nothing. */
const COMMON_SHARE = 0.3
const MANY = 20

/** Groups that a word is looked up in: words of more groups tell little. */
const MOST_GROUPS = 200

/** Memories after which others have their turn. */
const TURN = 500

type Vector = readonly (readonly [term: string, weight: number])[]

/** In the order in which they were stored each memory joins the group whose first memory it is most like, or begins one. */
export async function groupByTerms(documents: readonly ClusterDocument[]): Promise<ClusterDocument[][]> {
  const compared = documents.slice(-MOST_DOCUMENTS)
  const idf = weighTerms(compared)
  const groups: ClusterDocument[][] = []
  const groupsOf = new Map<string, [group: number, weight: number][]>()
  for (const [nth, document] of compared.entries()) {
    if (nth % TURN === TURN - 1) await setImmediate()
    const vector = vectorOf(document, idf)
    const nearest = findNearest(vector, groupsOf)
    if (nearest !== undefined) {
      groups[nearest]?.push(document)
      continue
    }
    for (const [term, weight] of vector) {
      const known = groupsOf.get(term)
      if (known === undefined) groupsOf.set(term, [[groups.length, weight]])
      else known.push([groups.length, weight])
    }
    groups.push([document])
  }
  return groups
}

/** What a word weighs: most when only one memory has it, nothing when too many have. */
function weighTerms(documents: readonly ClusterDocument[]): ReadonlyMap<string, number> {
  const frequency = new Map<string, number>()
  for (const { terms } of documents) for (const term of terms) frequency.set(term, (frequency.get(term) ?? 0) + 1)
  const most = documents.length > MANY ? documents.length * COMMON_SHARE : documents.length
  const weights = new Map<string, number>()
  for (const [term, count] of frequency) if (count <= most) weights.set(term, Math.log(1 + documents.length / count))
  return weights
}

/** Of length 1 with all its words, of which the rarest are compared. */
function vectorOf({ terms }: ClusterDocument, idf: ReadonlyMap<string, number>): Vector {
  const weighed = terms.map((term): [string, number] => [term, idf.get(term) ?? 0])
  weighed.sort(([one, weight], [other, otherWeight]) => otherWeight - weight || (one < other ? -1 : 1))
  const length = Math.sqrt(weighed.reduce((sum, [, weight]) => sum + weight * weight, 0))
  return weighed
    .filter(([, weight]) => weight > 0)
    .slice(0, MOST_TERMS)
    .map(([term, weight]) => [term, weight / length])
}

/** The group whose first memory is most alike; of those that are as much alike the oldest. */
function findNearest(
  vector: Vector,
  groupsOf: ReadonlyMap<string, readonly (readonly [group: number, weight: number])[]>,
): number | undefined {
  const scores = new Map<number, number>()
  for (const [term, weight] of vector) {
    const groups = groupsOf.get(term) ?? []
    if (groups.length > MOST_GROUPS) continue
    for (const [group, own] of groups) scores.set(group, (scores.get(group) ?? 0) + weight * own)
  }
  let best: number | undefined
  let most = ALIKE
  for (const [group, score] of [...scores].sort(([one], [other]) => one - other)) {
    if (score <= most) continue
    best = group
    most = score
  }
  return best
}

import { words } from '../search/words.ts'
import { noteTerm } from '../text-work/note-term.ts'
import { product, type TermVector, vectorsOf } from '../text-work/term-vectors.ts'
import { turns } from '../text-work/turns.ts'

/** A text that may say what another one says. */
export interface ComparedText {
  readonly id: string
  readonly text: string
}

/** Texts that are more alike than this say nearly the same. */
const NEARLY_SAME = 0.85

export interface NearDuplicates {
  readonly id: string
  readonly others: readonly { readonly id: string; readonly similarity: number }[]
}

/** In their order each text joins the first one that says nearly the same, or stands for itself. Gives those that are not alone. */
export async function findNearDuplicates(texts: readonly ComparedText[]): Promise<NearDuplicates[]> {
  const turn = turns()
  const terms: string[][] = []
  for (const { text } of texts) {
    await turn()
    terms.push(words(text))
  }
  const vectors = vectorsOf(terms)
  const groups: { id: string; vector: TermVector; others: { id: string; similarity: number }[] }[] = []
  const groupsOf = new Map<string, number[]>()
  for (const [at, { id }] of texts.entries()) {
    await turn()
    const vector = vectors[at] ?? new Map<string, number>()
    let [nearest, most]: [(typeof groups)[number] | undefined, number] = [undefined, NEARLY_SAME]
    for (const nth of new Set(rarest(vector).flatMap((term) => groupsOf.get(term) ?? []))) {
      const group = groups[nth]
      const similarity = group === undefined ? 0 : product(vector, group.vector)
      if (similarity > most) [nearest, most] = [group, similarity]
    }
    if (nearest !== undefined) {
      nearest.others.push({ id, similarity: most })
      continue
    }
    for (const term of vector.keys()) noteTerm(groupsOf, term, groups.length)
    groups.push({ id, vector, others: [] })
  }
  return groups.filter(({ others }) => others.length > 0)
}

/** The terms that weigh most: two texts that are nearly the same share one of a few of them. */
function rarest(vector: TermVector): string[] {
  return [...vector]
    .sort(([one, weight], [other, otherWeight]) => otherWeight - weight || (one < other ? -1 : 1))
    .slice(0, 8)
    .map(([term]) => term)
}

/** What each term weighs in a text; of length 1, or 0 for a text without terms. */
export type TermVector = ReadonlyMap<string, number>

/** Vectors of texts: terms that few of them have weigh more. */
export function vectorsOf(texts: readonly (readonly string[])[]): TermVector[] {
  const frequency = new Map<string, number>()
  for (const terms of texts) for (const term of new Set(terms)) frequency.set(term, (frequency.get(term) ?? 0) + 1)
  const idf = (term: string) => Math.log(1 + texts.length / (frequency.get(term) ?? 1))
  return texts.map((terms) => {
    const weights = new Map<string, number>()
    for (const term of terms) weights.set(term, (weights.get(term) ?? 0) + idf(term))
    return scaled(weights)
  })
}

/** All of them together. */
export function sumOf(vectors: readonly TermVector[]): TermVector {
  const sum = new Map<string, number>()
  for (const vector of vectors) for (const [term, weight] of vector) sum.set(term, (sum.get(term) ?? 0) + weight)
  return sum
}

/** The scalar product: how alike two vectors of length 1 are, 0..1. */
export function product(one: TermVector, other: TermVector): number {
  const [small, large] = one.size < other.size ? [one, other] : [other, one]
  let sum = 0
  for (const [term, weight] of small) sum += weight * (large.get(term) ?? 0)
  return sum
}

function scaled(weights: ReadonlyMap<string, number>): TermVector {
  const length = Math.sqrt([...weights.values()].reduce((sum, weight) => sum + weight * weight, 0))
  return length === 0 ? weights : new Map([...weights].map(([term, weight]) => [term, weight / length]))
}

/** Means over questions, each 0..1. */
export interface RetrievalFigures {
  readonly questions: number
  readonly recallAt5: number
  readonly recallAt10: number
  /** Of the first ten; a question without any evidence among them counts 0. */
  readonly reciprocalRank: number
}

export interface FoundTurns {
  readonly evidence: readonly string[]
  /** Ids of turns, best first. */
  readonly found: readonly string[]
}

const DEPTH = 10

/** The share of the evidence that is among the first `k`. */
export function recallAt(k: number, { evidence, found }: FoundTurns): number {
  const first = new Set(found.slice(0, k))
  return evidence.filter((id) => first.has(id)).length / evidence.length
}

/** 1 divided by the place of the first evidence among the first ten, or 0. */
export function reciprocalRank({ evidence, found }: FoundTurns): number {
  const place = found.slice(0, DEPTH).findIndex((id) => evidence.includes(id))
  return place < 0 ? 0 : 1 / (place + 1)
}

/** The figures of some questions. Throws when there are none. */
export function summariseRetrieval(results: readonly FoundTurns[]): RetrievalFigures {
  if (results.length === 0) throw new Error('There are no questions to take a mean of')
  const mean = (measure: (result: FoundTurns) => number) =>
    results.reduce((sum, result) => sum + measure(result), 0) / results.length
  return {
    questions: results.length,
    recallAt5: mean((result) => recallAt(5, result)),
    recallAt10: mean((result) => recallAt(DEPTH, result)),
    reciprocalRank: mean(reciprocalRank),
  }
}

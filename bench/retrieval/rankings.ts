import { searchWeights } from '@memoric/contracts/search-contract.ts'

/** One way of ranking that is compared with the others. */
export interface Ranking {
  readonly name: string
  readonly title: string
  /** What a search sends; the defaults of the service when left out. */
  readonly weights?: Readonly<Record<string, number>>
}

interface RankingPlan {
  readonly name: string
  readonly title: string
  /** Parts of the score that count beside relevance, each with its default weight; all parts when left out. */
  readonly adds?: readonly string[]
  /** Variable of the environment without which there is nothing to compare. */
  readonly needs?: string
}

const plans: readonly RankingPlan[] = [
  { name: 'bm25', title: 'BM25', adds: [] },
  { name: 'context', title: 'with context', adds: ['context'] },
  { name: 'embeddings', title: 'with embeddings', adds: ['context', 'embedding'], needs: 'EMBEDDINGS_URL' },
  { name: 'defaults', title: 'default weights' },
]

/** Settings among the weights that are no parts of the score. */
const settings = ['recency_half_life_days']

/** The rankings that this version and this environment know. */
export function selectRankings(
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly string[] = Object.keys(searchWeights.shape),
): Ranking[] {
  const parts = known.filter((name) => !settings.includes(name))
  const isKnown = ({ adds = [], needs }: RankingPlan) =>
    adds.every((part) => parts.includes(part)) && (needs === undefined || (environment[needs] ?? '') !== '')
  return plans.filter(isKnown).map(({ name, title, adds }) => {
    if (adds === undefined) return { name, title }
    const silent = parts.filter((part) => part !== 'relevance' && !adds.includes(part))
    return { name, title, weights: Object.fromEntries(silent.map((part) => [part, 0])) }
  })
}

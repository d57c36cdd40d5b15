import type { Explanation } from '@memoric/contracts/search-contract.ts'
import type { ScoredDocument } from './best-documents.ts'
import type { Context } from './context.ts'
import type { DocumentPlace } from './conversations.ts'
import { type PartScorer, reinforcementOf, similarityOf } from './document-scores.ts'
import { idAt } from './memory-ids.ts'
import type { RankingRequest, Scale } from './ranking.ts'
import { ageOf, DAY_MS, recencyOf } from './recency.ts'
import type { Relevance } from './relevance.ts'
import type { Candidates } from './search-candidates.ts'
import { IMPORTANCE_UNIT } from './segment-format.ts'

/** What each component adds to the score of a document, and why. */
export function explainDocument(
  candidates: Candidates,
  { part, document, gains, score, context }: ScoredDocument & { readonly context?: Context },
  scorer: PartScorer,
  relevance: Relevance,
  { most, total, halfLife }: Scale,
  { policy: { weights, halfLifeDays }, now }: RankingRequest,
): Explanation {
  const segment = candidates.parts[part]?.part.segment
  if (segment === undefined) throw new RangeError('a document of no part')
  const component = (value: number, weight: number) => ({ value, weight, contribution: (weight * value) / total })
  const { importance, seenCount } = segment.numbers
  const { occurredAt } = segment.times
  const time = occurredAt.values[document & occurredAt.mask] ?? 0
  const standing = scorer.standingOf(document)
  const seen = seenCount.values[document & seenCount.mask] ?? 0
  const stored = (importance.values[document & importance.mask] ?? 0) / IMPORTANCE_UNIT
  const explained = {
    relevance: { ...component(gains / most, weights.relevance), terms: relevance.explain(part, document) },
    ...(scorer.similarities && {
      similarity: component(similarityOf(scorer.similarities, document), weights.embedding),
    }),
    context: { ...component(context?.value ?? 0, weights.context), ...explainContext(candidates, context) },
    recency: {
      ...component(recencyOf(time, now, halfLife), weights.recency),
      age_days: ageOf(time, now) / DAY_MS,
      half_life_days: halfLifeDays,
    },
    importance: component(stored, weights.importance),
    reinforcement: { ...component(reinforcementOf(seen), weights.reinforcement), seen_count: seen },
    rules: {
      ...component(scorer.rules?.valueOf(document) ?? 0, weights.rules),
      applied: scorer.rules?.explain(document) ?? [],
    },
  }
  if (standing === 1) return explained
  const sum = Object.values(explained).reduce((all, { contribution }) => all + contribution, 0)
  return { ...explained, standing: { value: standing, weight: 1, contribution: score - sum } }
}

function explainContext({ parts }: Candidates, context: Context | undefined) {
  const idOf = ({ part, document }: DocumentPlace) => idAt(parts[part]?.part.segment.ids ?? new Uint32Array(), document)
  const { loans = [], conversation = 0, speaker = 0 } = context ?? {}
  const neighbours = loans.map(({ from, distance, gains }) => ({ id: idOf(from), distance, score: gains }))
  return { neighbours: neighbours.sort((one, other) => one.distance - other.distance), conversation, speaker }
}

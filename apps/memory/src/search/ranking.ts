import { createBestDocuments, type ScoredDocument } from './best-documents.ts'
import { ANCHORS, type Context, contextOf } from './context.ts'
import { placeKey } from './conversations.ts'
import { createPartScorer, type PartScorer } from './document-scores.ts'
import { explainDocument } from './explain-score.ts'
import type { Explanation } from '@memoric/contracts/search-contract.ts'
import type { Similarities } from '../embeddings/similarity.ts'
import { idAt } from './memory-ids.ts'
import type { Query } from './parse-query.ts'
import { totalOf, type RankingPolicy } from './ranking-policy.ts'
import { mostOfRules } from './ranking-rules.ts'
import { DAY_MS } from './recency.ts'
import { type Matches, type Relevance, relevanceOf } from './relevance.ts'
import { type Candidates, ELIGIBLE } from './search-candidates.ts'

export interface RankedMemory {
  readonly id: string
  /** 0..1, less than 0 only by penalties. */
  readonly score: number
  readonly explanation?: Explanation
}

export interface RankingRequest {
  /** Without words and prefixes every eligible memory is ranked. */
  readonly query: Pick<Query, 'words' | 'prefixes' | 'begun'>
  readonly policy: RankingPolicy
  readonly topK: number
  /** ms since the epoch */
  readonly now: number
  readonly explain: boolean
  /** How similar memories are in meaning, if that weighs. */
  readonly similarities?: Similarities | undefined
}

/** What the scores of one search have in common. */
export interface Scale {
  /** What the words could give a document at most. */
  readonly most: number
  /** All weights together. */
  readonly total: number
  /** ms */
  readonly halfLife: number
  /** What rules give a document at most. */
  readonly mostRules: number
}

/**
 * The best `topK` of the eligible memories, best first; equal scores by id. The score is the weighted mean of components that are 0..1:
 * relevance is BM25 as a share of the most that the query's words can give, context is what the neighbours in the conversation have of it,
 * recency halves with every half-life, importance is as stored, reinforcement grows with each time the content was seen again.
 * Similarity is that of vectors. With words, only memories that have at least one of them are ranked, those around the best of these, and those
 * that are similar enough.
 */
export function rank(candidates: Candidates, request: RankingRequest): RankedMemory[] {
  const { query, policy, topK } = request
  const hasWords = query.words.length + query.prefixes.length > 0
  const hasContext = hasWords && policy.weights.context > 0
  const relevance = relevanceOf(candidates, query)
  const scale = {
    most: relevance.most,
    total: totalOf(policy.weights),
    halfLife: policy.halfLifeDays * DAY_MS,
    mostRules: mostOfRules(policy.rules),
  }
  const scorers = candidates.parts.map(({ part }, at) => {
    return createPartScorer(part.segment, scale, request, request.similarities?.parts[at])
  })
  const parts = candidates.parts.map(({ part }) => part)
  const best = createBestDocuments(parts, topK)
  const anchors = createBestDocuments(parts, hasContext ? ANCHORS : 0)
  // The newest first: what is recent makes most of the rest too bad to look at closely.
  for (let part = candidates.parts.length - 1; part >= 0; part--) {
    const scorer = scorers[part]
    if (scorer === undefined || candidates.parts[part]?.eligible === 0) continue
    if (hasWords) offerMatches(relevance.matchesIn(part), part, scorer, best, anchors)
    else offerAll(candidates, part, scorer, best)
    if (hasWords && request.similarities) offerSimilar(request.similarities, part, scorer, relevance, best)
  }
  const found = hasContext ? withContext(candidates, relevance, request, scorers, best, anchors) : best.documents
  return found.map((scored) => toMemory(scored))

  function toMemory(scored: ScoredDocument & { readonly context?: Context }): RankedMemory {
    const segment = parts[scored.part]?.segment
    const scorer = scorers[scored.part]
    if (segment === undefined || scorer === undefined) throw new RangeError('a document of no part')
    const memory = { id: idAt(segment.ids, scored.document), score: scored.score }
    if (!request.explain) return memory
    return { ...memory, explanation: explainDocument(candidates, scored, scorer, relevance, scale, request) }
  }
}

type Best = ReturnType<typeof createBestDocuments>

function offerAll({ parts }: Candidates, part: number, scorer: PartScorer, best: Best): void {
  const candidate = parts[part]
  if (candidate === undefined) return
  let { least } = best
  for (let document = 0; document < candidate.part.segment.documents; document++) {
    if (candidate.state !== null && candidate.state[document] !== ELIGIBLE) continue
    const score = scorer.scoreAbove(document, 0, least)
    if (score < least) continue
    best.offer({ part, document, gains: 0, score })
    least = best.least
  }
}

function offerMatches(matches: Matches, part: number, scorer: PartScorer, best: Best, anchors: Best): void {
  const { documents, count, gains: all } = matches
  let least = scorer.leastGains(best.least)
  let leastOfAnchors = anchors.least
  for (let at = 0; at < count; at++) {
    const document = documents[at] ?? 0
    const gains = all[document] ?? 0
    if (gains >= leastOfAnchors) {
      anchors.offer({ part, document, gains, score: gains })
      leastOfAnchors = anchors.least
    }
    if (gains < least) continue
    const score = scorer.scoreAbove(document, gains, best.least)
    if (score < best.least) continue
    best.offer({ part, document, gains, score })
    least = scorer.leastGains(best.least)
  }
}

/** Memories without any of the words. */
function offerSimilar(
  { parts, least }: Similarities,
  part: number,
  scorer: PartScorer,
  relevance: Relevance,
  best: Best,
): void {
  const similarities = parts[part] ?? new Float64Array()
  for (let document = 0; document < similarities.length; document++) {
    if ((similarities[document] ?? 0) < least || relevance.gainsOf(part, document) > 0) continue
    const score = scorer.scoreAbove(document, 0, best.least)
    if (score >= best.least) best.offer({ part, document, gains: 0, score })
  }
}

/** The best of those that are best alone, of the anchors, and of all that have something from these. */
function withContext(
  candidates: Candidates,
  relevance: Relevance,
  { query, policy, topK }: RankingRequest,
  scorers: readonly PartScorer[],
  alone: Best,
  anchors: Best,
): (ScoredDocument & { readonly context?: Context })[] {
  const total = totalOf(policy.weights)
  const parts = candidates.parts.map(({ part }) => part)
  const best = createBestDocuments<ScoredDocument & { readonly context?: Context }>(parts, topK)
  const contexts = contextOf(candidates, relevance, query.words, anchors.documents)
  for (const context of contexts) {
    const { part, document } = context
    const gains = relevance.gainsOf(part, document)
    const score = scorers[part]?.scoreAbove(document, gains, -Infinity) ?? 0
    const lent = (policy.weights.context * context.value) / total
    const whole = score + lent * (scorers[part]?.standingOf(document) ?? 1)
    if (whole >= best.least) best.offer({ part, document, gains, score: whole, context })
  }
  const known = new Set(contexts.map(placeKey))
  for (const scored of alone.documents) if (!known.has(placeKey(scored))) best.offer(scored)
  return [...best.documents]
}

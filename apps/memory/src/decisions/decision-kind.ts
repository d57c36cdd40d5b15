import {
  type CreateDecision,
  type Decision,
  DECISION_POINTS,
  DECISION_ROLE,
  type DecisionPoints,
  type DecisionTexts,
  textsOf,
} from '@memoric/contracts/decision-contract.ts'
import { z } from 'zod'
import type { PrivateAttributes } from '../memories/private-attributes.ts'
import type { KindOfNote, NoteDraft } from '../notes/note-kind.ts'
import { frameOf } from '../notes/note-row.ts'
import { statedOf } from '../provenance/stated-of.ts'

const points = z.array(z.string()).catch([])

/** What of a decision its memory keeps in parts; the content has all of it to be found by. */
const parts = z.object({
  decision: z.string(),
  scope: z.string().nullable().catch(null),
  with_whom: z.string().nullable().catch(null),
  rationale: points,
  constraints: points,
  alternatives: points,
  consequences: points,
  references: points,
})

export const decisionKind: KindOfNote<Decision> = {
  kind: DECISION_ROLE,
  path: '/v1/decisions',
  notFound: 'decision_not_found',
  events: {
    created: 'decision.created',
    superseded: 'decision.superseded',
    deleted: 'decision.deleted',
    read: 'decision.read',
  },
  view(row, attributes) {
    return { ...frameOf(row), ...partsOf(attributes), tags: [...attributes.tags] }
  },
}

/** What is written of a decision that was sent. */
export function draftOfDecision(body: CreateDecision): NoteDraft {
  const { with_whom = null, tags, sources, confidence } = body
  const texts = textsOf(body)
  const words = { content: linesOf(texts).join('\n'), topic: null, category: null, parts: { ...texts } }
  return { words, withWhom: with_whom, tags, sources, confidence, stated: statedOf(body) }
}

const TITLES: Readonly<Record<DecisionPoints, string>> = {
  rationale: 'Why',
  constraints: 'Constraint',
  alternatives: 'Alternative',
  consequences: 'Consequence',
  references: 'Reference',
}

/** A decision line by line; of which points, if not of all. */
export function linesOf(texts: DecisionTexts, which: readonly DecisionPoints[] = DECISION_POINTS): string[] {
  const { decision, scope } = texts
  const first = scope === null ? decision : `${decision} (${scope})`
  return [first, ...which.flatMap((name) => texts[name].map((point) => `${TITLES[name]}: ${point}`))]
}

function partsOf({ content, metadata }: PrivateAttributes) {
  const known = parts.safeParse(metadata[DECISION_ROLE])
  return known.success ? known.data : parts.parse({ decision: content })
}

import type { PolicyDeps } from '../policies/policy-deps.ts'
import type { RunState } from '../policies/run-state.ts'
import { summariseTexts } from '../policies/summarise-rows.ts'
import { mostCentral } from './find-principles.ts'
import type { Plan } from './plan-period.ts'
import type { ReadSource } from './read-sources.ts'

interface Text {
  readonly content: string
  /** `extractive`, or the name of a model. */
  readonly method: string
  readonly isFallback: boolean
}

/** What a reflection says; null when there is nothing to say. */
export async function textOfPlan(
  deps: Pick<PolicyDeps, 'textModel' | 'log'>,
  state: RunState,
  plan: Plan,
  sources: readonly ReadSource[],
): Promise<Text | null> {
  if (plan.learned !== undefined) return textOfPrinciple(deps, state, plan.learned.sentences)
  return summariseTexts(
    deps,
    state,
    sources.map(({ row, text }) => ({ id: row.id, text })),
  )
}

/** One of the sentences, word for word, unless a model says it for all of them. */
async function textOfPrinciple(
  deps: Pick<PolicyDeps, 'textModel' | 'log'>,
  state: RunState,
  sentences: readonly string[],
): Promise<Text | null> {
  const quoted = { content: mostCentral(sentences), method: 'extractive', isFallback: false }
  if (state.policy.document.summarisation.summariser !== 'model') return quoted
  const told = await summariseTexts(
    deps,
    state,
    sentences.map((text, nth) => ({ id: String(nth), text })),
  )
  return told === null || told.isFallback ? { ...quoted, isFallback: true } : told
}

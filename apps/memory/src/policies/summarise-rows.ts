import type { MemoryRow } from '../memories/memory-row.ts'
import type { PrivateAttributes } from '../memories/private-attributes.ts'
import { extractiveSummariser } from '../text-work/extractive-summariser.ts'
import { createModelSummariser } from '../text-work/model-summariser.ts'
import { type SourceText, textOf } from '../text-work/summarise.ts'
import { ModelError } from '../text-work/text-model.ts'
import type { PolicyDeps } from './policy-deps.ts'
import type { RunState } from './run-state.ts'

export interface SummaryText {
  readonly content: string
  /** `extractive`, or the name of a model. */
  readonly method: string
  /** Whether a model was asked for and something else was taken. */
  readonly isFallback: boolean
  /** What all sources have in common. */
  readonly topic: string | null
  readonly category: string | null
}

export interface OpenedRow {
  readonly row: MemoryRow
  readonly attributes: PrivateAttributes
}

/** Questions that one run may ask a model; what comes after is summarised without it. */
const QUESTIONS = 500
const asked = new WeakMap<RunState, number>()

/** The text of a summary of memories of one subject and one thread; null when there is nothing to say. */
export async function summariseRows(
  deps: PolicyDeps,
  state: RunState,
  opened: readonly OpenedRow[],
): Promise<SummaryText | null> {
  const sources = opened.map(({ row, attributes }) => ({ id: row.id, text: attributes.content }))
  const told = await summariseTexts(deps, state, sources)
  if (told === null) return null
  return {
    ...told,
    topic: common(opened.map(({ attributes }) => attributes.topic)),
    category: common(opened.map(({ attributes }) => attributes.category)),
  }
}

/** What matters of texts of one subject, in their order of time, by the summariser of the policy; null when there is nothing to say. */
export async function summariseTexts(
  deps: Pick<PolicyDeps, 'textModel' | 'log'>,
  state: RunState,
  sources: readonly SourceText[],
): Promise<Omit<SummaryText, 'topic' | 'category'> | null> {
  const { summariser, target_characters: maxCharacters } = state.policy.document.summarisation
  const isModel = summariser === 'model'
  const told = isModel ? await askModel() : null
  const summary = told ?? (await extractiveSummariser.summarise(sources, { maxCharacters }))
  const content = textOf(summary)
  if (content.trim() === '') return null
  return { content, method: summary.method, isFallback: isModel && told === null }

  async function askModel() {
    const questions = asked.get(state) ?? 0
    if (deps.textModel === null || questions >= QUESTIONS) return null
    asked.set(state, questions + 1)
    try {
      return await createModelSummariser(deps.textModel).summarise(sources, { maxCharacters })
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      deps.log.warn({ err: error, run_id: state.run.id }, 'a summary was made without the model')
      return null
    }
  }
}

function common(labels: readonly (string | null)[]): string | null {
  const [first = null] = labels
  return labels.every((label) => label === first) ? first : null
}

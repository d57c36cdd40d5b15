import { z } from 'zod'
import { DATA_RULES, frameTexts } from '../text-work/frame-texts.ts'
import { ModelError, type TextModel } from '../text-work/text-model.ts'
import type { Derived } from './enrichment-state.ts'

/** Characters that a model is given of a content. */
const MOST_CHARACTERS = 8000
const MOST_TOKENS = 300
const MOST_ENTITIES = 10
const LONGEST_ENTITY = 64

const INSTRUCTIONS = [
  'You label one note.',
  DATA_RULES,
  'Answer with one JSON object and nothing else:',
  '{"topic": string or null, "category": string or null, "entities": [string], "importance": number or null, "sentiment": number or null}',
  'topic: what the note is about, one to three words. category: what kind of note it is, one word, such as fact, preference, task, event.',
  'entities: names of people, places, organisations and things, and dates, exactly as the note writes them, at most ten.',
  'importance: from 0 to 1, for how long and how much it will matter. sentiment: from -1 (bad) to 1 (good).',
  'Use null, and no entities, where the note does not tell.',
].join('\n')

/** A few words: no sentence, no address, no sign by which a text could pass for something else. */
const label = z
  .string()
  .trim()
  .max(48)
  .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N}&'’/-]*(?: [\p{L}\p{N}&][\p{L}\p{M}\p{N}&'’/-]*){0,3}$/u)
  .nullable()

const answerSchema = z.strictObject({
  topic: label,
  category: label,
  entities: z.array(z.string().trim().min(1).max(LONGEST_ENTITY)).max(MOST_ENTITIES),
  importance: z.number().min(0).max(1).nullable(),
  sentiment: z.number().min(-1).max(1).nullable(),
})

/** An answer that tells nothing about whether the model answers others. */
export class UnusableLabels extends ModelError {}

/**
 * Has a model label a content. Every answer is about one content, so that none can say anything about others. Throws ModelError when
 * there is no answer, UnusableLabels for one of another shape.
 */
export async function enrichByModel(model: TextModel, content: string, signal: AbortSignal): Promise<Derived> {
  const text = content.slice(0, MOST_CHARACTERS).toWellFormed()
  const answer = await model.ask(
    { instructions: INSTRUCTIONS, data: frameTexts([text]), maxTokens: MOST_TOKENS },
    signal,
  )
  const { success, data, error } = answerSchema.safeParse(parse(answer))
  if (!success) throw new UnusableLabels('the labels of the model have another shape', { cause: error })
  const known = text.toLowerCase()
  return {
    ...data,
    // What the note does not have, the model made up.
    entities: [...new Set(data.entities)].filter((entity) => known.includes(entity.toLowerCase())),
    importance: rounded(data.importance),
    sentiment: rounded(data.sentiment),
  }
}

function parse(answer: string): unknown {
  try {
    return JSON.parse(answer.replace(/^\s*```(?:json)?\s*|\s*```\s*$/g, ''))
  } catch {
    return undefined
  }
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100
}

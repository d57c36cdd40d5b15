import { z } from 'zod'
import { personName } from './handoff-contract.ts'
import { uuid } from './ids.ts'
import type { Route } from './route.ts'
import { identifier, timestamp } from './text.ts'

/** The layers of a wake-up in the order in which they stand. */
export const WAKE_UP_LAYERS = [
  'identity',
  'last_handoff',
  'recent',
  'reflections',
  'knowledge',
  'decisions',
  'tasks',
] as const
export const wakeUpLayer = z.enum(WAKE_UP_LAYERS)
export type WakeUpLayer = z.infer<typeof wakeUpLayer>

/** How much of each thing is told, from little to everything. */
export const WAKE_UP_DETAILS = ['brief', 'standard', 'full'] as const
export const wakeUpDetail = z.enum(WAKE_UP_DETAILS)
export type WakeUpDetail = z.infer<typeof wakeUpDetail>

export const WAKE_UP_LIMITS = { leastTokens: 50, mostTokens: 32_000, defaultTokens: 1500 } as const

export const wakeUpBody = z
  .strictObject({
    subject_id: identifier.optional().describe('the agent that wakes up'),
    with_whom: personName.optional().describe('who the session will be with: what was with others is left out'),
    max_tokens: z
      .int()
      .min(WAKE_UP_LIMITS.leastTokens)
      .max(WAKE_UP_LIMITS.mostTokens)
      .default(WAKE_UP_LIMITS.defaultTokens)
      .describe('most tokens of the text; it never has more'),
    layers: z
      .array(wakeUpLayer)
      .min(1)
      .refine((layers) => new Set(layers).size === layers.length, { error: 'must name each layer once' })
      .default([...WAKE_UP_LAYERS]),
    detail: wakeUpDetail.default('standard'),
  })
  .meta({ id: 'WakeUp' })
export type WakeUpRequest = z.output<typeof wakeUpBody>

const thing = {
  id: uuid,
  kind: z
    .string()
    .describe(
      'handoff, memory, reflection, principle, knowledge, decision, task, or becoming, which has the id of its handoff',
    ),
}

export const wakeUpAnswer = z
  .object({
    subject_id: z.string(),
    with_whom: z.string().nullable(),
    text: z.string().describe('for the prompt; each thing begins with its citation in brackets'),
    tokens: z.int().describe('of the text, counted'),
    max_tokens: z.int(),
    tokenizer: z.string().describe('the encoding that tokens were counted with'),
    detail: wakeUpDetail,
    layers: z.array(
      z.object({
        layer: wakeUpLayer,
        tokens: z.int().describe('of its part of the text'),
        items: z.array(
          z.object({
            ...thing,
            citation: z.int(),
            occurred_at: timestamp,
            detail: wakeUpDetail.describe('as much as there was room for'),
            tokens: z.int(),
            value: z.number().describe('0..1, by which things were chosen'),
          }),
        ),
        left_out: z.array(
          z.object({
            ...thing,
            reason: z.enum(['budget', 'withheld']).describe('no room for it, or it is not to be told'),
          }),
        ),
        has_more: z.boolean().describe('there is more of this layer, older and lighter, which was not looked at'),
      }),
    ),
  })
  .meta({ id: 'WokenUp' })
export type WakeUpAnswer = z.input<typeof wakeUpAnswer>

export const wakeUpRoutes = {
  wakeUp: {
    method: 'POST',
    path: '/v1/wake-up',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'What an agent needs to know when a session begins, within a number of tokens',
    description:
      'What is stored is told as data: line by line, indented, so that nothing in it can pass for a heading.',
    body: wakeUpBody,
    responses: { 200: wakeUpAnswer },
  },
} as const satisfies Record<string, Route>

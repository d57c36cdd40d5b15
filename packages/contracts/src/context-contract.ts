import { z } from 'zod'
import { memoryId } from './ids.ts'
import type { Route } from './route.ts'
import { explanation, searchBody, searchScope } from './search-contract.ts'
import { timestamp } from './text.ts'

export const CONTEXT_FORMATS = ['structured', 'simple', 'chat'] as const
export const contextFormat = z.enum(CONTEXT_FORMATS)
export type ContextFormat = z.infer<typeof contextFormat>

export const CONTEXT_STYLES = ['conversational', 'bullet', 'compact'] as const
export const contextStyle = z.enum(CONTEXT_STYLES)
export type ContextStyle = z.infer<typeof contextStyle>

export const CONTEXT_LIMITS = { leastTokens: 100, mostTokens: 128_000, defaultTokens: 2000 } as const

export const contextBody = searchBody
  .safeExtend({
    format: contextFormat.default('structured'),
    max_tokens: z
      .int()
      .min(CONTEXT_LIMITS.leastTokens)
      .max(CONTEXT_LIMITS.mostTokens)
      .default(CONTEXT_LIMITS.defaultTokens)
      .describe('most tokens of the context as JSON, and of the text; neither ever has more'),
    style: contextStyle.optional().describe('how to write the text for a prompt; no text when left out'),
  })
  .meta({ id: 'ContextRequest' })
export type ContextRequest = z.output<typeof contextBody>

const line = z
  .string()
  .describe('[citation] memory of whom, when, said by whom, whether untrusted: "content", which is quoted as in JSON')

const structuredContext = z
  .object({
    thread_context: z.array(line).describe('memories of the thread, in the order of time'),
    related_history: z.array(line).describe('memories of other threads and of none, in the order of time'),
    metadata: z
      .object({
        subject_id: z.string().optional(),
        thread_id: z.string().optional(),
        topic: z.string().optional(),
        category: z.string().optional(),
        importance: z.number().optional(),
      })
      .describe('what most of the memories have; left out where there is no room'),
  })
  .meta({ id: 'StructuredContext' })

const simpleContext = z
  .object({ memories: z.array(line).describe('in the order of time'), count: z.int() })
  .meta({ id: 'SimpleContext' })

const chatContext = z
  .object({
    messages: z
      .array(
        z.object({
          role: z.enum(['user', 'assistant']).describe('assistant for what an assistant said, user for all else'),
          content: line,
        }),
      )
      .describe('memories of the thread, or all when no thread is named, in the order of time'),
    related_history: z.array(line).describe('memories of other threads and of none, in the order of time'),
    thread_id: z.string().nullable(),
    count: z.int().describe('messages'),
  })
  .meta({ id: 'ChatContext' })

export const contextAnswer = z
  .object({
    format: contextFormat,
    context: z.union([structuredContext, simpleContext, chatContext]),
    style: contextStyle.nullable(),
    text: z.string().nullable().describe('the same memories for a prompt; null without a style'),
    notice: z.string().describe('to tell a model what the context is'),
    token_estimate: z.int().describe('of the text, or of the context as JSON when there is no text, counted'),
    max_tokens: z.int(),
    tokenizer: z.string().describe('the encoding that tokens were counted with'),
    citations: z.array(
      z.object({
        citation: z.int(),
        memory_id: memoryId,
        subject_id: z.string(),
        namespace: z.string(),
        thread_id: z.string().nullable(),
        occurred_at: timestamp,
        part: z.enum(['thread', 'related']),
        score: z.number(),
        explanation: explanation.optional(),
        shortened: z.boolean().describe('only the beginning is quoted: there was no room for all of it'),
      }),
    ),
    left_out: z
      .array(
        z.object({
          memory_id: memoryId,
          reason: z
            .enum(['budget', 'same', 'contained'])
            .describe('no room; the same content as another, or a part of it'),
          because_of: memoryId.nullable().describe('the memory that says it already'),
        }),
      )
      .describe('what was found and is not in the context'),
    scope_used: searchScope,
    searched: z.int().describe('memories that were considered'),
    searched_subjects: z.int(),
    truncated: z.boolean().describe('as in the answer of a search'),
  })
  .meta({ id: 'Context' })
export type ContextAnswer = z.input<typeof contextAnswer>
export type ContextShape = ContextAnswer['context']

export const contextRoutes = {
  makeContext: {
    method: 'POST',
    path: '/v1/context',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Memories for a prompt, within a number of tokens, with citations',
    description:
      'A search whose results are quoted as data. With a thread and without a scope the related history of other threads is found, too, and kept apart.',
    body: contextBody,
    responses: { 200: contextAnswer },
  },
} as const satisfies Record<string, Route>

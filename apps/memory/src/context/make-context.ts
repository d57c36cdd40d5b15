import type { ContextAnswer, ContextRequest } from '@memoric/contracts/context-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { isOfAllSubjects } from '@memoric/contracts/search-contract.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { loadTokenCounter, TOKENIZER } from '../tokens/count-tokens.ts'
import { inOrder, type PartName, type Shaping } from './context-shape.ts'
import { type ChosenMemory, type FilledContext, fillContext, type FoundPart } from './fill-context.ts'
import { findParts, type FoundParts } from './find-parts.ts'
import { NOTICE } from './quote-memory.ts'

type Make = RouteTable['makeContext']

/** Memories for a prompt, quoted, within a number of tokens. Throws as findMemories. */
export async function makeContext(deps: MemoryDeps, { body, context }: Call<Make>): Promise<RouteOutput<Make>> {
  const [counter, parts] = await Promise.all([loadTokenCounter(), findParts(deps, context.caller, body)])
  const shaping: Shaping = { format: body.format, style: body.style, threadId: body.thread_id }
  const filled = fillContext(counter, partsOf(parts, shaping), shaping, body.max_tokens)
  const answer = answerOf(body, shaping, parts, filled)
  const { scope, subjectId, searched, subjects } = parts.found
  deps.reads.record({
    type: 'context.made',
    context,
    resourceId: isOfAllSubjects(scope) ? null : subjectId,
    details: {
      format: body.format,
      scope,
      searched,
      subjects,
      tokens: answer.token_estimate,
      told: answer.citations.map(({ memory_id }) => memory_id),
      left_out: answer.left_out.length,
    },
  })
  return { status: 200, body: answer }
}

/** A chat of no thread has everything for its messages. */
function partsOf({ thread, related }: FoundParts, { format, threadId }: Shaping): FoundPart[] {
  const part: PartName = format === 'chat' && threadId === undefined ? 'thread' : 'related'
  return [
    { part: 'thread', found: thread },
    { part, found: related },
  ]
}

function answerOf(
  { format, style, max_tokens }: ContextRequest,
  shaping: Shaping,
  { found }: FoundParts,
  { chosen, leftOut, measure }: FilledContext,
): ContextAnswer {
  const { context, text, tokens } = measure.made(chosen)
  const left = leftOut.map(({ memory, reason, becauseOf }) => ({
    memory_id: memory.id,
    reason,
    because_of: becauseOf,
  }))
  return {
    format,
    context,
    style: style ?? null,
    text,
    notice: NOTICE,
    token_estimate: tokens,
    max_tokens,
    tokenizer: TOKENIZER,
    citations: inOrder(chosen, shaping).map(citationOf),
    left_out: left,
    scope_used: found.scope,
    searched: found.searched,
    searched_subjects: found.subjects,
    truncated: found.isTruncated,
  }
}

function citationOf({ memory, part, found, isShortened }: ChosenMemory, nth: number) {
  const { score, explanation } = found
  return {
    citation: nth + 1,
    memory_id: memory.id,
    subject_id: memory.subject_id,
    namespace: memory.namespace,
    thread_id: memory.thread_id,
    occurred_at: memory.occurred_at,
    part,
    score,
    ...(explanation !== undefined && { explanation }),
    shortened: isShortened,
  }
}

import type { Problem } from '@memoric/contracts/error-codes.ts'
import { createMemoryBody, DEFAULT_NAMESPACE, type CreateMemory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { namespaceFor } from '@memoric/service/caller-limits.ts'
import { faults, type Call } from '@memoric/service/implement-routes.ts'
import { problemOf } from '@memoric/service/problem.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { subjectOfDraft } from './memory-draft.ts'
import { writeMemories, type Written } from './write-memories.ts'

type CreateMany = RouteTable['createMemories']

/** Stores the good items in one transaction; each bad one is answered with its own problem. */
export async function createMemories(
  deps: MemoryDeps,
  { body, context }: Call<CreateMany>,
): Promise<RouteOutput<CreateMany>> {
  const judged = body.items.map((item) => judge(context, item))
  const good = judged.filter((item): item is CreateMemory => !('code' in item))
  const written = good.length > 0 ? await writeMemories(deps, context, good) : []
  let next = 0
  const items = judged.map((item) => ('code' in item ? refused(item) : stored(written[next++])))
  return { status: 200, body: { items } }
}

function judge(context: RequestContext, item: unknown): CreateMemory | Problem {
  const parsed = createMemoryBody.safeParse(item)
  if (!parsed.success) return problemFor(context, new AppError('validation_failed', { errors: faults(parsed.error) }))
  try {
    subjectOfDraft(context.caller, parsed.data)
    namespaceFor(context.caller, parsed.data.namespace, DEFAULT_NAMESPACE)
    return parsed.data
  } catch (error) {
    if (error instanceof AppError) return problemFor(context, error)
    throw error
  }
}

function problemFor({ caller }: RequestContext, error: AppError): Problem {
  return problemOf(error, caller.requestId)
}

function refused(problem: Problem) {
  return { status: problem.status, problem }
}

function stored(written: Written | undefined) {
  if (written === undefined) throw new Error('an item that was not written')
  return { status: written.made ? 201 : 200, memory: written.memory }
}

import type { Caller } from '@memoric/contracts/caller.ts'
import type { Decision } from '@memoric/contracts/decision-contract.ts'
import type { Knowledge } from '@memoric/contracts/knowledge-contract.ts'
import type { Task } from '@memoric/contracts/task-contract.ts'
import type { FastifyInstance } from 'fastify'
import { type Answer, call, type ProblemBody } from './use-memory.ts'

/** A page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next_cursor: string | null
}

export function know(app: FastifyInstance, caller: Caller, body: object): Promise<Answer<Knowledge & ProblemBody>> {
  return call(app, caller, 'POST', '/v1/knowledge', body)
}

export function decide(app: FastifyInstance, caller: Caller, body: object): Promise<Answer<Decision & ProblemBody>> {
  return call(app, caller, 'POST', '/v1/decisions', body)
}

export function plan(app: FastifyInstance, caller: Caller, body: object): Promise<Answer<Task & ProblemBody>> {
  return call(app, caller, 'POST', '/v1/tasks', body)
}

/** Puts another in the place of a note: `of` is `knowledge` or `decisions`. */
export function supersede<T = Knowledge>(
  app: FastifyInstance,
  caller: Caller,
  of: 'knowledge' | 'decisions',
  id: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Answer<T & ProblemBody>> {
  return call(app, caller, 'POST', `/v1/${of}/${id}/supersede`, body, headers)
}

/** Status and code of what was refused. */
export function problem({ status, body }: Answer<unknown>): [number, string | undefined] {
  return [status, (body as ProblemBody | null)?.code]
}

/** Status, code and the places of what was refused. */
export function faults(answer: Answer<unknown>): unknown[] {
  const errors = (answer.body as ProblemBody | null)?.errors
  return [...problem(answer), errors?.map(({ pointer }) => pointer)]
}

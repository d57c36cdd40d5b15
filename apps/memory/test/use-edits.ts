import type { Caller } from '@memoric/contracts/caller.ts'
import type { DecidedEdit, Edit } from '@memoric/contracts/edit-contract.ts'
import { expect } from 'vitest'
import { type Answer, call, newCaller, type ProblemBody, type TestProcess } from './use-memory.ts'

export type EditAnswer = Answer<DecidedEdit & ProblemBody>

export function propose(process: TestProcess, caller: Caller, body: object): Promise<EditAnswer> {
  return call(process.app, caller, 'POST', '/v1/edits', { operation: 'retract', reason: 'it is not so', ...body })
}

export function decide(
  process: TestProcess,
  caller: Caller,
  id: string,
  what: 'approve' | 'reject' | 'undo',
  body: object = {},
): Promise<EditAnswer> {
  return call(process.app, caller, 'POST', `/v1/edits/${id}/${what}`, body)
}

/** Somebody else of the same tenant, with the same permissions unless they say otherwise. */
export function colleague({ tenantId }: Caller, limits: Partial<Caller> = {}): Caller {
  return newCaller({ tenantId, ...limits })
}

/** Proposes an edit and lets it take effect. */
export async function edited(process: TestProcess, caller: Caller, memoryId: string, body: object = {}): Promise<Edit> {
  const proposed = await propose(process, caller, { memory_id: memoryId, ...body })
  const { status, body: edit } = await decide(process, caller, proposed.body.id, 'approve')
  expect(status).toBe(200)
  return edit
}

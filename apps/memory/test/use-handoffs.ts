import type { Caller } from '@memoric/contracts/caller.ts'
import type { Handoff } from '@memoric/contracts/handoff-contract.ts'
import type { FastifyInstance } from 'fastify'
import { type Answer, call } from './use-memory.ts'

export function handOver<B = Handoff>(app: FastifyInstance, caller: Caller, body: object): Promise<Answer<B>> {
  return call<B>(app, caller, 'POST', '/v1/handoffs', body)
}

/** The last handoff of a subject, with a person if one is named. */
export function lastWith(
  app: FastifyInstance,
  caller: Caller,
  subject?: string,
  person?: string,
): Promise<Answer<Handoff>> {
  const query = new URLSearchParams()
  if (subject !== undefined) query.set('subject_id', subject)
  if (person !== undefined) query.set('with_whom', person)
  return call<Handoff>(app, caller, 'GET', `/v1/handoffs/last?${query.toString()}`)
}

export async function listed(app: FastifyInstance, caller: Caller, query = ''): Promise<Handoff[]> {
  return (await call<{ items: Handoff[] }>(app, caller, 'GET', `/v1/handoffs${query}`)).body.items
}

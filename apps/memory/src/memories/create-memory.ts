import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { writeMemories } from './write-memories.ts'

type Create = RouteTable['createMemory']

/** Stores one memory, or reinforces the one that has the same content. */
export async function createMemory(deps: MemoryDeps, { body, context }: Call<Create>): Promise<RouteOutput<Create>> {
  const [written] = await writeMemories(deps, context, [body])
  if (written === undefined) throw new Error('a memory that was not written')
  const headers = { location: `/v1/memories/${written.memory.id}` }
  return { status: written.made ? 201 : 200, body: written.memory, headers }
}

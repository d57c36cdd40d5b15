import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import { awaitCheckpoint, type AwaitCheckpointDeps } from './await-checkpoint.ts'
import { textAnswer } from './text-answer.ts'

/** It says how large the log of all tenants is, and nothing of what is in it. */
export async function getAuditCheckpoint(
  deps: AwaitCheckpointDeps,
): Promise<RouteOutput<RouteTable['getAuditCheckpoint']>> {
  const { note } = await awaitCheckpoint(deps, 0)
  return textAnswer(note)
}

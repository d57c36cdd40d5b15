import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { awaitCheckpoint, type AwaitCheckpointDeps } from './await-checkpoint.ts'
import { readConsistencyProof } from './prove.ts'

type Route = RouteTable['getAuditConsistency']

/** It tells nothing but hashes. Throws AppError `rule_violated` for sizes that the log does not have. */
export async function getAuditConsistency(
  deps: AwaitCheckpointDeps,
  { query }: Call<Route>,
): Promise<RouteOutput<Route>> {
  const latest = await awaitCheckpoint(deps, 0)
  const { from, to = latest.size } = query
  if (to > latest.size) throw new AppError('rule_violated', { detail: `The log is signed up to ${latest.size} lines.` })
  if (from > to) throw new AppError('rule_violated', { detail: 'from must not be larger than to.' })
  const path = await systemTransaction(deps.sql, (tx) => readConsistencyProof(tx, from, to))
  return { status: 200, body: { from, to, path: path.map((hash) => hash.toString('base64')) } }
}

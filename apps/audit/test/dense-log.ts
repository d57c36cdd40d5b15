import { hashLeaf } from '@memoric/crypto/merkle-hash.ts'
import { appendLeaves, EMPTY_TREE } from '@memoric/crypto/merkle-tree.ts'
import type { Sql } from 'postgres'
import { expect } from 'vitest'

interface Counts {
  total: number
  indexes: number
  top: number
  sequences: number
  tops: number
  size: number
}

/**
 * Checks that the places of the log and of each tenant in it have neither gaps nor repeats, and that its tree is that of its
 * lines; gives the number of lines.
 */
export async function denseLog(admin: Sql): Promise<number> {
  const [row] = await admin<Counts[]>`
    select count(*)::int as total, count(distinct log_index)::int as indexes,
      coalesce(max(log_index)::int + 1, 0) as top, count(distinct (tenant_id, tenant_seq))::int as sequences,
      (select coalesce(sum(last_seq)::int, 0) from tenant_logs) as tops, (select size::int from log_state) as size
    from audit_logs`
  const { total, ...rest } = row!
  expect(rest).toEqual({ indexes: total, top: total, sequences: total, tops: total, size: total })
  await wholeTree(admin)
  return total
}

/** Checks that the tree is the one of the lines. */
async function wholeTree(admin: Sql): Promise<void> {
  const [state] = await admin<{ size: number; peaks: Buffer }[]>`select tree_size::int as size, peaks from log_state`
  const lines = await admin<{ canonical: string }[]>`
    select canonical from audit_logs where log_index < ${state!.size} order by log_index`
  const leaves = lines.map(({ canonical }) => hashLeaf(Buffer.from(canonical)))
  const { size, peaks } = appendLeaves(EMPTY_TREE, leaves)
  expect({ size, peaks: Buffer.concat(peaks) }).toEqual(state)
}

/** Lines of the log, as far as they are committed. */
export async function logSize(admin: Sql): Promise<number> {
  const [row] = await admin<{ size: number }[]>`select size::int from log_state`
  return row!.size
}

export async function loggedIds(admin: Sql): Promise<string[]> {
  const rows = await admin<{ event_id: string }[]>`select event_id from audit_logs order by event_id`
  return rows.map(({ event_id: id }) => id)
}

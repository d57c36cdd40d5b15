import type { SubjectPlace } from '../search/segment-repository.ts'
import type { PolicyDeps } from './policy-deps.ts'
import type { Judged } from './run-page.ts'
import type { RunState } from './run-state.ts'

/** Why a policy moves memories. */
type Why = 'age' | 'use' | 'capacity' | 'tiers'

/** The events of moves: one for all that went the same way for the same reason. */
export function movedEvents(
  deps: Pick<PolicyDeps, 'events'>,
  { context, run }: RunState,
  { subjectId }: SubjectPlace,
  moves: readonly Judged[],
  whyAll?: Why,
) {
  const whyOf = ({ verdict }: Judged): Why => whyAll ?? (verdict.isPromoted ? 'use' : verdict.isTaken ? 'tiers' : 'age')
  const ways = Map.groupBy(moves, (move) => `${move.row.tier} ${move.verdict.tier} ${whyOf(move)}`)
  return [...ways].map(([way, some]) => {
    const [from = '', to = '', why = ''] = way.split(' ')
    const details = { run_id: run.id, from, to, why, memory_ids: some.map(({ row }) => row.id) }
    return deps.events({ type: 'memory.moved', context, resourceId: subjectId, statusCode: null, details })
  })
}

import { EDGES_OF_DEPTH, type TraverseAnswer, type TraverseRequest } from '@memoric/contracts/edge-contract.ts'
import type { EdgeId } from '@memoric/contracts/ids.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findMemory } from '../memories/find-memory.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { openRows } from '../memories/open-rows.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { standingOf } from '../standing/standings.ts'
import { selectSteps } from './edge-repository.ts'
import type { EdgeRow } from './edge-row.ts'
import { openEdges } from './open-edges.ts'

type Traverse = RouteTable['traverseEdges']

interface Node {
  readonly memory: Memory
  readonly depth: number
  readonly path: readonly EdgeId[]
}

/** A memory that an edge leads to for the first time. */
interface Step {
  readonly id: string
  readonly from: Node
  readonly edge: EdgeRow
}

/**
 * Walks along edges, depth by depth. What is withheld, expired, or of a subject that has withdrawn consent is not there, and no way
 * leads through it. Throws AppError `memory_not_found`, `consent_withdrawn`.
 */
export async function traverseEdges(deps: MemoryDeps, call: Call<Traverse>): Promise<RouteOutput<Traverse>> {
  const { body, context } = call
  const start = await findMemory(deps, context, body.from)
  await deps.keys.forReading(start.tenant_id, start.subject_id, requireProcessing)
  const first = (await openRows(deps, [start])).map((memory): Node => ({ memory, depth: 0, path: [] }))
  const { nodes, steps, isCut } = await walk(deps, context, body, first)
  const walked = steps.map(({ edge }) => edge)
  const answer: TraverseAnswer = {
    nodes: nodes.map((node) => ({ ...node, path: [...node.path] })),
    edges: await openEdges(deps, walked),
    truncated: isCut,
  }
  const details = { subject_id: start.subject_id, depth: body.depth, memory_ids: nodes.map(({ memory }) => memory.id) }
  deps.reads.record({ type: 'edge.traversed', context, resourceId: start.id, details })
  return { status: 200, body: answer }
}

async function walk(deps: MemoryDeps, context: RequestContext, request: TraverseRequest, first: readonly Node[]) {
  const { tenantId } = context.caller
  const nodes = [...first]
  const steps: Step[] = []
  const seen = new Set<string>(first.map(({ memory }) => memory.id))
  let frontier: readonly Node[] = first
  let isCut = false
  for (let depth = 1; depth <= request.depth && frontier.length > 0; depth++) {
    const ids = frontier.map(({ memory }) => memory.id)
    const [edges] = await tenantFlight(deps.sql, scopeOf(context.caller), (tx) => [
      selectSteps(tx, tenantId, ids, request.direction, request.types, EDGES_OF_DEPTH + 1),
    ])
    const found = firstSteps(frontier, edges.slice(0, EDGES_OF_DEPTH), request, seen)
    const room = request.limit - (nodes.length - first.length)
    const told = await openSteps(deps, context, found)
    frontier = told
      .slice(0, room)
      .map(({ step, memory }) => ({ memory, depth, path: [...step.from.path, step.edge.id] }))
    nodes.push(...frontier)
    steps.push(...told.slice(0, room).map(({ step }) => step))
    isCut ||= edges.length > EDGES_OF_DEPTH || told.length > room
    if (isCut) break
  }
  return { nodes, steps, isCut }
}

/** The memories that are reached now for the first time: in the order of those before them, then of the edges. */
function firstSteps(
  frontier: readonly Node[],
  edges: readonly EdgeRow[],
  { direction }: TraverseRequest,
  seen: Set<string>,
): Step[] {
  return frontier.flatMap((from) =>
    edges.flatMap((edge): Step[] => {
      const id = otherEnd(edge, from.memory.id, direction)
      if (id === undefined || seen.has(id)) return []
      seen.add(id)
      return [{ id, from, edge }]
    }),
  )
}

function otherEnd(
  { from_id, to_id }: EdgeRow,
  id: string,
  direction: TraverseRequest['direction'],
): string | undefined {
  if (direction !== 'in' && from_id === id) return to_id
  return direction !== 'out' && to_id === id ? from_id : undefined
}

async function openSteps(deps: MemoryDeps, { caller }: RequestContext, found: readonly Step[]) {
  if (found.length === 0) return []
  const ids = found.map(({ id }) => id)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectMemories(tx, caller.tenantId, ids)])
  const opened = new Map<string, Memory>()
  for (const [subjectId, some] of Map.groupBy(rows, (row) => row.subject_id)) {
    const place = { tenantId: caller.tenantId, subjectId }
    const standing = await standingOf(
      deps,
      caller,
      place,
      some.map(({ id }) => id),
    )
    const heard = some.filter(({ id }) => standing(id) > 0)
    for (const memory of await openRows(deps, heard)) opened.set(memory.id, memory)
  }
  return found.flatMap((step) => {
    const memory = opened.get(step.id)
    return memory === undefined ? [] : [{ step, memory }]
  })
}

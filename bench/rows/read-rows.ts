import { get } from '../load/requests.ts'
import type { Bench } from './bench.ts'
import { apiKeyOf, baselineMeasure, type Load, stackMeasure } from './make-measure.ts'
import type { Row, RowPlan } from './row.ts'

const CONNECTIONS = 4
const MEMORIES = 1000

export const readPlans: readonly RowPlan[] = [
  { name: 'list', prepare: listRow },
  { name: 'get', prepare: getRow },
  { name: 'gateway', prepare: (bench) => gatewayRow(bench, 'gateway', CONNECTIONS) },
  { name: 'gateway-16', prepare: (bench) => gatewayRow(bench, 'gateway-16', 16) },
]

async function listRow(bench: Bench): Promise<Row> {
  const { id } = await bench.subjects.ofSize(MEMORIES)
  const headers = apiKeyOf(bench)
  const { tenantId } = bench.subjects
  const ours: Load = { connections: CONNECTIONS, next: () => get(`/v1/memories?subject_id=${id}&limit=50`, headers) }
  const bare: Load = { connections: CONNECTIONS, next: () => get(`/tenants/${tenantId}/subjects/${id}`) }
  return {
    name: 'list',
    title: 'list, page of 50',
    budget: {},
    warmUp: true,
    measure: stackMeasure(bench, ours),
    baseline: { title: 'bare select of 50', measure: baselineMeasure(bench, bare) },
  }
}

async function getRow(bench: Bench): Promise<Row> {
  const ids = await memoryIds(bench)
  const { tenantId } = bench.subjects
  const bare: Load = { connections: CONNECTIONS, next: () => get(`/tenants/${tenantId}/memories/${ids()}`) }
  return {
    name: 'get',
    title: 'get by id',
    budget: {},
    warmUp: true,
    measure: stackMeasure(bench, throughGateway(bench, ids)),
    baseline: { title: 'bare select', measure: baselineMeasure(bench, bare) },
  }
}

async function gatewayRow(bench: Bench, name: string, connections: number): Promise<Row> {
  const ids = await memoryIds(bench)
  const direct: Load = { connections, next: () => bench.asGateway('memory', get(`/v1/memories/${ids()}`)) }
  return {
    name,
    title: `get by id through the gateway, ${connections} connections`,
    budget: { overhead: 0.35 },
    warmUp: true,
    measure: stackMeasure(bench, throughGateway(bench, ids, connections)),
    baseline: { title: 'direct call to memory', measure: stackMeasure(bench, direct, bench.stack.memoryUrl) },
  }
}

function throughGateway(bench: Bench, ids: () => string, connections = CONNECTIONS): Load {
  const headers = apiKeyOf(bench)
  return { connections, next: () => get(`/v1/memories/${ids()}`, headers) }
}

/** The ids of a subject's memories in turn. */
export async function memoryIds(bench: Bench): Promise<() => string> {
  const { memoryIds } = await bench.subjects.ofSize(MEMORIES)
  let at = 0
  return () => memoryIds[at++ % memoryIds.length] ?? ''
}

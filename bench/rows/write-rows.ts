import { post } from '../load/requests.ts'
import { apiKeyOf, baselineMeasure, type Load, newTexts, stackMeasure } from './make-measure.ts'
import type { Bench } from './bench.ts'
import type { Row, RowPlan } from './row.ts'

const CHARACTERS = 200
const BATCH = 100

const creates = { cpu: 0.9, ratio: 1.5 }

export const writePlans: readonly RowPlan[] = [
  createPlan('create-1', 'create, 1 connection', 1, (connection) => `create-1-${connection}`),
  createPlan('create-16', 'create, 16 connections', 16, (connection) => `create-16-${connection}`),
  createPlan('create-16-shared', 'create, 16 connections, one subject', 16, () => 'create-16-shared'),
  { name: 'batch', prepare: (bench) => Promise.resolve(batchRow(bench)) },
]

function createPlan(
  name: string,
  title: string,
  connections: number,
  subjectOf: (connection: number) => string,
): RowPlan {
  return { name, prepare: (bench) => Promise.resolve(createRow(bench, { name, title, connections, subjectOf })) }
}

interface CreateOptions {
  readonly name: string
  readonly title: string
  readonly connections: number
  readonly subjectOf: (connection: number) => string
}

function createRow(bench: Bench, { name, title, connections, subjectOf }: CreateOptions): Row {
  const texts = newTexts()
  const headers = apiKeyOf(bench)
  const tenant_id = bench.stack.credentials.tenant_id
  const body = (connection: number) => ({ subject_id: subjectOf(connection), content: texts.ofLength(CHARACTERS) })
  const ours: Load = { connections, next: (connection) => post('/v1/memories', body(connection), headers) }
  const bare: Load = { connections, next: (connection) => post('/memories', { tenant_id, ...body(connection) }) }
  return {
    name,
    title,
    budget: connections === 1 ? creates : { ...creates, p99: 50 },
    warmUp: true,
    measure: stackMeasure(bench, ours),
    baseline: { title: 'bare insert', measure: baselineMeasure(bench, bare) },
  }
}

function batchRow(bench: Bench): Row {
  const texts = newTexts()
  const headers = apiKeyOf(bench)
  const tenant_id = bench.stack.credentials.tenant_id
  const items = (connection: number) =>
    Array.from({ length: BATCH }, () => ({ subject_id: `batch-${connection}`, content: texts.ofLength(CHARACTERS) }))
  const common = { connections: 4, operations: BATCH }
  const bareItems = (connection: number) => items(connection).map((item) => ({ tenant_id, ...item }))
  const ours: Load = {
    ...common,
    next: (connection) => post('/v1/memories/batch', { items: items(connection) }, headers),
    accept: (answer) => !answer.includes('"problem"'),
  }
  const bare: Load = { ...common, next: (connection) => post('/memories/batch', { items: bareItems(connection) }) }
  return {
    name: 'batch',
    title: `batch of ${BATCH}, 4 connections`,
    unit: 'memories',
    budget: { rate: 5000 },
    warmUp: true,
    measure: stackMeasure(bench, ours),
    baseline: { title: 'multi-row insert', measure: baselineMeasure(bench, bare) },
  }
}

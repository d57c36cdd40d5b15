import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeHandoffs } from '../fixtures/handoffs.ts'
import { post } from '../load/requests.ts'
import type { Bench } from './bench.ts'
import { apiKeyOf, type Load, stackMeasure } from './make-measure.ts'
import type { Row, RowPlan } from './row.ts'

const HANDOFFS = 50_000
const PERSONS = ['Ana', 'Ben', 'Chidi', 'Dunya', 'Emre']
const SUBJECT = 'wake-up'
const CONNECTIONS = 4
const MAX_TOKENS = 1500

export const continuityPlans: readonly RowPlan[] = [{ name: 'wake-up', prepare: wakeUpRow }]

async function wakeUpRow(bench: Bench): Promise<Row> {
  const { credentials, operate } = bench.stack
  const folder = await mkdtemp(join(tmpdir(), 'memoric-bench-'))
  const file = join(folder, 'handoffs.ndjson')
  const tenantId = credentials.tenant_id
  try {
    await writeHandoffs(file, { tenantId, subjectId: SUBJECT, count: HANDOFFS, persons: PERSONS })
    await operate('import', file, '--tenant', tenantId)
  } finally {
    await rm(folder, { recursive: true })
  }
  await bench.background.settle(0)
  const headers = apiKeyOf(bench)
  let nth = 0
  const body = () => ({
    subject_id: SUBJECT,
    max_tokens: MAX_TOKENS,
    ...(nth++ % 2 === 0 && { with_whom: PERSONS[nth % PERSONS.length] }),
  })
  const load: Load = {
    connections: CONNECTIONS,
    next: () => post('/v1/wake-up', body(), headers),
    accept: (answer) => answer.includes('"last_handoff"') && answer.includes('Remember: '),
  }
  return {
    name: 'wake-up',
    title: `wake-up at ${HANDOFFS / 1000}k handoffs, ${MAX_TOKENS} tokens`,
    budget: { cpu: 20 },
    warmUp: true,
    measure: stackMeasure(bench, load),
  }
}

import { createRandom } from '../fixtures/random.ts'
import { createTexts } from '../fixtures/texts.ts'
import { post } from '../load/requests.ts'
import type { Bench } from './bench.ts'
import { apiKeyOf, stackMeasure } from './make-measure.ts'
import type { Row, RowPlan } from './row.ts'

const SUBJECTS = 10_000
const MEMORIES_EACH = 100
/** Subjects in one request that stores memories. */
const TOGETHER = 5
const WRITERS = 3
const CONNECTIONS = 4

/** A million memories: made only when it is asked for by name, because that takes minutes. */
export const manySubjectsPlan: RowPlan = {
  name: 'many-subjects',
  onDemand: true,
  async prepare(bench) {
    await storeAll(bench)
    return manySubjectsRow(bench)
  },
}

function manySubjectsRow(bench: Bench): Row {
  const random = createRandom(1)
  const texts = createTexts(2)
  const next = () => {
    const subject_id = subjectOf(Math.floor(random() * SUBJECTS))
    return post('/v1/memories/search', { subject_id, query: texts.query(6).join(' ') }, apiKeyOf(bench))
  }
  return {
    name: 'many-subjects',
    title: `search in one of ${SUBJECTS} subjects with ${MEMORIES_EACH} memories`,
    budget: { p95: 50 },
    warmUp: false,
    measure: stackMeasure(bench, { connections: CONNECTIONS, next }),
  }
}

async function storeAll(bench: Bench): Promise<void> {
  let at = 0
  const writer = async (seed: number) => {
    const texts = createTexts(seed)
    while (at < SUBJECTS) {
      const first = at
      at += TOGETHER
      await store(bench, first, texts.memory)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, nth) => writer(100 + nth)))
}

async function store(bench: Bench, first: number, text: () => string): Promise<void> {
  const items = Array.from({ length: TOGETHER * MEMORIES_EACH }, (_, nth) => ({
    content: text(),
    subject_id: subjectOf(first + (nth % TOGETHER)),
  }))
  const { path, headers, body = null } = post('/v1/memories/batch', { items }, apiKeyOf(bench))
  const { signal, stack } = bench
  const answer = await fetch(`${stack.url}${path}`, { method: 'POST', headers: { ...headers }, body, signal })
  const stored = await answer.text()
  if (answer.status !== 200) throw new Error(`A batch was not stored: ${answer.status} ${stored.slice(0, 300)}`)
}

function subjectOf(nth: number): string {
  return `many-${nth}`
}

import type { SeededSubject } from '../fixtures/subjects.ts'
import { post } from '../load/requests.ts'
import type { Bench } from './bench.ts'
import { apiKeyOf, baselineMeasure, type Load, newTexts, stackMeasure } from './make-measure.ts'
import type { Budget, Row, RowPlan } from './row.ts'

const WORDS = 6
const CONNECTIONS = 4
const TOP = 10

export const searchPlans: readonly RowPlan[] = [
  hotPlan(1000, { cpu: 1.2, p95: 10, ratio: 1 }),
  hotPlan(10_000, { cpu: 1.5, p95: 10, ratio: 1 }),
  hotPlan(50_000, { cpu: 2.5, p95: 10, ratio: 1 }),
  coldPlan(1000, {}),
  coldPlan(10_000, { p50: 50 }),
  coldPlan(50_000, {}),
]

function hotPlan(size: number, budget: Budget): RowPlan {
  const name = `search-${shortSize(size)}`
  return {
    name,
    async prepare(bench) {
      const subject = await bench.subjects.ofSize(size)
      await checkSearch(bench, subject)
      return hotRow(bench, subject, { name, title: `search top ${TOP} in ${shortSize(size)}, hot`, budget })
    },
  }
}

function hotRow(bench: Bench, { id }: SeededSubject, about: Pick<Row, 'name' | 'title' | 'budget'>): Row {
  const texts = newTexts()
  const headers = apiKeyOf(bench)
  const tenant_id = bench.stack.credentials.tenant_id
  const common = { connections: CONNECTIONS, accept: (answer: string) => answer.includes('"score"') }
  const body = { subject_id: id, top_k: TOP }
  const query = () => texts.query(WORDS).join(' ')
  const words = () => texts.query(WORDS)
  const ours: Load = { ...common, next: () => post('/v1/memories/search', { ...body, query: query() }, headers) }
  const bare: Load = { ...common, next: () => post('/search', { ...body, tenant_id, words: words() }) }
  return {
    ...about,
    warmUp: true,
    measure: stackMeasure(bench, ours),
    baseline: { title: 'tsvector, GIN, ts_rank', measure: baselineMeasure(bench, bare) },
  }
}

function coldPlan(size: number, budget: Budget): RowPlan {
  const name = `cold-${shortSize(size)}`
  return {
    name,
    async prepare(bench) {
      bench.coldStarts.add(await bench.subjects.ofSize(size))
      const title = `first search in ${shortSize(size)} after a start`
      return {
        name,
        title,
        budget,
        warmUp: false,
        measure: (_duration, repetition) => bench.coldStarts.sample(`search-${size}`, repetition),
      }
    },
  }
}

function shortSize(size: number): string {
  return `${size / 1000}k`
}

/** A fast search that finds the wrong memories is worth nothing: each probe must be found by its own words. */
async function checkSearch(bench: Bench, { id, memoryIds, contents }: SeededSubject): Promise<void> {
  for (const at of [0, Math.floor(contents.length / 2), contents.length - 1]) {
    const { path, headers, body = null } = post('/v1/memories/search', { subject_id: id, query: contents[at] })
    const response = await fetch(`${bench.stack.url}${path}`, {
      method: 'POST',
      headers: { ...headers, ...apiKeyOf(bench) },
      body,
    })
    const text = await response.text()
    // Of our own server; what does not fit is found below.
    const { results = [] } = JSON.parse(text) as { results?: { memory: { id: string } }[] }
    if (results[0]?.memory.id !== memoryIds[at]) {
      throw new Error(`Memory ${at} of ${id} is not found by its own words: ${text.slice(0, 300)}`)
    }
  }
}

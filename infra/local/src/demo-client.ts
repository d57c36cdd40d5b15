import type { SourceItem } from './demo-sources.ts'

/** What the demo reads of a memory. */
export interface DemoMemory {
  content: string
  metadata: Readonly<Record<string, unknown>>
}

/** What the demo reads of the answer to a search. */
export interface DemoAnswer {
  results: readonly { memory: DemoMemory; score: number }[]
}

/** What the demo reads of a line of the audit log. */
export interface DemoEvent {
  log_index: number
  occurred_at: string
  operation: string
  outcome: string
  actor_type: string
  resource_type: string | null
  resource_id: string | null
  details: Readonly<Record<string, unknown>>
}

/** The calls of the public API that the demo makes. Each throws with the server's words when it is refused. */
export interface DemoClient {
  /** Throws with what to do when nothing answers. */
  assertRunning: () => Promise<void>
  /** Stores up to 500 things; gives how many were new. */
  remember: (subject: string, items: readonly SourceItem[]) => Promise<number>
  search: (subject: string, query: string, top: number) => Promise<DemoAnswer>
  /** Events of the audit log that fit the filters, newest first, all pages. */
  auditLogs: (filters: Readonly<Record<string, string>>) => Promise<DemoEvent[]>
}

export interface DemoClientOptions {
  url: string
  apiKey: string
}

interface Batch {
  items: readonly { status: number; problem?: unknown }[]
}

interface Page {
  items: readonly DemoEvent[]
  next_cursor: string | null
}

/** A client of a running stack. What it answers with 2xx is taken to be as its API description says. */
export function createDemoClient({ url, apiKey }: DemoClientOptions): DemoClient {
  const headers = { 'x-api-key': apiKey }
  const get = (path: string) => call(`${url}${path}`, { headers })
  const post = (path: string, body: unknown) => {
    const request = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' } }
    return call(`${url}${path}`, { ...request, body: JSON.stringify(body) })
  }
  return {
    async assertRunning() {
      await get('/ready')
    },
    async remember(subject, items) {
      const body = { items: items.map((item) => ({ ...item, subject_id: subject })) }
      return countNew((await post('/v1/memories/batch', body)) as Batch)
    },
    async search(subject, query, top) {
      return (await post('/v1/memories/search', { subject_id: subject, query, top_k: top })) as DemoAnswer
    },
    auditLogs: (filters) => followPages(get, { ...filters, limit: '200' }),
  }
}

async function followPages(
  get: (path: string) => Promise<unknown>,
  filters: Readonly<Record<string, string>>,
): Promise<DemoEvent[]> {
  const events: DemoEvent[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: URLSearchParams = new URLSearchParams({ ...filters, ...(cursor !== '' && { cursor }) })
    const page = (await get(`/v1/audit/logs?${query.toString()}`)) as Page
    events.push(...page.items)
    cursor = page.next_cursor
  }
  return events
}

function countNew({ items }: Batch): number {
  const refused = items.find(({ problem }) => problem !== undefined)
  if (refused !== undefined) throw new Error(`A memory was refused: ${JSON.stringify(refused.problem)}`)
  return items.filter(({ status }) => status === 201).length
}

async function call(url: string, request: RequestInit): Promise<unknown> {
  const response = await fetch(url, { ...request, signal: AbortSignal.timeout(60_000) }).catch((cause: unknown) => {
    throw new Error(`Nothing answers at ${new URL(url).origin}: start the stack first (npm start).`, { cause })
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 500)}`)
  return JSON.parse(text)
}

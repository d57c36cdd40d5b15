import { setTimeout as sleep } from 'node:timers/promises'
import { runAuditCommand } from '@memoric/app-audit/operator/run-audit-command.ts'
import type { ChaosStack } from './chaos-stack.ts'
import type { Finding } from './finding.ts'
import { createdLines, type Databases, gaps, memoryIds, undelivered, unsigned } from './read-databases.ts'
import type { Acknowledged, SteadyWrites } from './write-steadily.ts'

const PATIENCE_MS = 300_000

/** Everything that has to hold once all is quiet again. */
export async function inspect(stack: ChaosStack, databases: Databases, writes: SteadyWrites): Promise<Finding[]> {
  const waiting = await quiet(databases)
  const ids = [...writes.acknowledged.values()].map(({ id }) => id)
  const [stored, logged, dense] = await Promise.all([
    memoryIds(databases, stack.credentials.tenant_id),
    createdLines(databases, stack.credentials.tenant_id),
    gaps(databases),
  ])
  const storedSet = new Set(stored)
  return [
    none('every event left its outbox for the log', waiting, 'events wait'),
    none(
      'every acknowledged memory is there',
      count(ids, (id) => !storedSet.has(id)),
      `of ${ids.length} are lost`,
    ),
    none('no retry made a second memory', stored.length - new Set(ids).size, `of ${stored.length} are too many`),
    none(
      'every memory has one event',
      count(stored, (id) => logged.get(id) !== 1),
      `of ${stored.length} have not`,
    ),
    none(
      'no event is of no memory',
      count(logged.keys(), (id) => !storedSet.has(id)),
      'events are',
    ),
    none('places of the log are dense', dense.ofLog, `of ${dense.lines} are not`),
    none('numbers of tenants are dense', dense.ofTenants, `of ${dense.lines} are not`),
    await verified(stack),
    await found(stack, writes),
    none('every answer was right, or 409, 502, 503 or 504', writes.faults.length, writes.faults.slice(0, 3).join('; ')),
  ]
}

function none(rule: string, wrong: number, what: string): Finding {
  return { rule, seen: `${wrong} ${what}`.trim(), holds: wrong === 0 }
}

function count<T>(values: Iterable<T>, isWrong: (value: T) => boolean): number {
  return [...values].filter(isWrong).length
}

/** Waits until nothing is on its way; gives how many events still were when patience ended. */
async function quiet(databases: Databases): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS
  const left = async () => (await undelivered(databases)) + (await unsigned(databases))
  for (let calm = 0; calm < 3;) {
    const waiting = await left()
    calm = waiting === 0 ? calm + 1 : 0
    if (performance.now() > deadline) return waiting
    await sleep(200)
  }
  return 0
}

/** Lines, leaves, tree and signed roots, as `memoric audit verify` sees them. */
async function verified(stack: ChaosStack): Promise<Finding> {
  const lines: string[] = []
  const note = (line: string) => void lines.push(line)
  const env = await stack.auditEnvironment()
  const code = await runAuditCommand(['audit', 'verify'], { env, out: note, err: note })
  return { rule: 'the root of the lines is the signed one', seen: lines.at(-1) ?? '', holds: code === 0 }
}

/** Searches each acknowledged memory by its word, and tells of which subjects some are not found. */
async function found(stack: ChaosStack, { acknowledged }: SteadyWrites): Promise<Finding> {
  const missing = await notFound(stack, acknowledged)
  const bySubject = Object.entries(Object.groupBy(missing, ({ subject }) => subject))
  const where = bySubject.map(([subject, lost = []]) => `, ${lost.length} of ${subject} such as ${lost[0]?.id}`)
  const seen = `of ${acknowledged.size} are not found${where.join('')}`
  return none('search finds every acknowledged memory', missing.length, seen)
}

async function notFound(stack: ChaosStack, acknowledged: SteadyWrites['acknowledged']): Promise<Acknowledged[]> {
  const open = [...acknowledged]
  const missing: Acknowledged[] = []
  async function work(): Promise<void> {
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [word, memory] = next
      const answer = await search(stack, word, memory.subject)
      if (!answer.includes(memory.id)) missing.push(memory)
    }
  }
  await Promise.all([work(), work(), work(), work()])
  return missing
}

async function search({ url, credentials }: ChaosStack, query: string, subject: string): Promise<string> {
  const answer = await fetch(`${url}/v1/memories/search`, {
    method: 'POST',
    headers: { 'x-api-key': credentials.api_key, 'content-type': 'application/json' },
    body: JSON.stringify({ query, subject_id: subject, top_k: 5 }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`POST /v1/memories/search: ${answer.status} ${text.slice(0, 200)}`)
  return text
}

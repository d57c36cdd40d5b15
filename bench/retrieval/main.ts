import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { startBenchStack } from '../bench-stack.ts'
import { createConversationStore } from './conversation-store.ts'
import { selectRankings } from './rankings.ts'
import { readConversationSet } from './read-conversation-set.ts'
import { parseRetrievalOptions } from './retrieval-options.ts'
import { replaceFigures, retrievalFigures, retrievalJson } from './retrieval-report.ts'
import { runRetrieval } from './run-retrieval.ts'

const stopRequested = new AbortController()
const undoing: (() => Promise<void>)[] = []

/** What is going on goes beside the table, which may be piped into a file. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function main(): Promise<void> {
  const { only, json, update } = parseRetrievalOptions(process.argv.slice(2))
  const isAskedFor = (name: string) => only.length === 0 || only.some((start) => name.startsWith(start))
  const set = (await readConversationSet()).filter(({ conversation }) => isAskedFor(conversation.name))
  if (set.length === 0) throw new Error('No conversation has such a name')
  const { signal } = stopRequested
  const stack = await startBenchStack({ environment: process.env, signal, say }, (step) => void undoing.push(step))
  const store = createConversationStore({ url: stack.url, apiKey: stack.credentials.api_key, signal })
  const results = await runRetrieval(set, selectRankings(process.env), store, say)
  const figures = retrievalFigures(results)
  process.stdout.write(`\n${figures}\n`)
  if (json !== undefined) await writeFile(json, retrievalJson(results))
  if (update) await updatePage(figures)
}

async function updatePage(figures: string): Promise<void> {
  const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
  const { version } = JSON.parse(await readFile(pathOf('package.json'), 'utf8')) as { version: string }
  const page = pathOf('docs/retrieval-quality.md')
  const measured = `Memoric ${version}, ${new Date().toISOString().slice(0, 10)}:`
  await writeFile(page, replaceFigures(await readFile(page, 'utf8'), `${measured}\n\n${figures}`))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopRequested.abort())
try {
  await main()
} catch (error) {
  process.exitCode = stopRequested.signal.aborted ? 130 : 1
  if (!stopRequested.signal.aborted) say(messageOf(error))
}
for (const step of undoing.reverse()) await step().catch((error: unknown) => say(messageOf(error)))
process.exit()

import { fileURLToPath } from 'node:url'
import { createProgress } from '@memoric/service/progress.ts'
import { answerText } from './demo-answers.ts'
import { auditText, readAuditTrail } from './demo-audit.ts'
import { createDemoClient, type DemoClient } from './demo-client.ts'
import { readCredentials } from './demo-credentials.ts'
import { questions } from './demo-questions.ts'
import { readProject } from './demo-sources.ts'
import { homeAt } from './home.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const BATCH = 100
const BEST = 3
const LAST_EVENTS = 5
const AUDIT_PATIENCE = 20_000

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<void> {
  const home = homeAt(process.env.MEMORIC_HOME ?? `${repository}.memoric`)
  const { url, api_key: apiKey } = await readCredentials(home.credentials)
  const client = createDemoClient({ url, apiKey })
  await client.assertRunning()
  const since = new Date()
  const subject = `demo-${since.toISOString().replace(/\D/g, '').slice(0, 14)}`
  await rememberProject(client, subject)
  await askQuestions(client, subject)
  await tellAudit(client, subject, since)
}

async function rememberProject(client: DemoClient, subject: string): Promise<void> {
  const items = await readProject(repository)
  const commits = items.filter(({ metadata }) => 'commit' in metadata).length
  say(`Remembering ${items.length - commits} paragraphs and ${commits} commit messages for the subject ${subject}`)
  const progress = createProgress(process.stdout, items.length)
  const begin = performance.now()
  let made = 0
  for (let at = 0; at < items.length; at += BATCH) {
    made += await client.remember(subject, items.slice(at, at + BATCH))
    progress(Math.min(at + BATCH, items.length))
  }
  const seconds = (performance.now() - begin) / 1000
  say(`${made} memories made, ${items.length - made} known already, in ${seconds.toFixed(2)} s\n`)
}

async function askQuestions(client: DemoClient, subject: string): Promise<void> {
  for (const question of questions) {
    const begin = performance.now()
    const answer = await client.search(subject, question, BEST)
    say(answerText(question, answer, performance.now() - begin))
  }
}

async function tellAudit(client: DemoClient, subject: string, since: Date): Promise<void> {
  say('All of that is in the audit log:')
  const logs = await readAuditTrail(client, { subject, since, searches: questions.length, patience: AUDIT_PATIENCE })
  say(auditText(logs, LAST_EVENTS))
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

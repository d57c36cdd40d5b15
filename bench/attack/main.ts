import type { Attack } from './attack.ts'
import { startAttackStack } from './attack-stack.ts'
import { ATTACKS } from './cases/attacks.ts'
import { type AttackOptions, parseOptions } from './options.ts'
import { attackTable } from './report.ts'
import { runAttacks } from './run-attacks.ts'
import { createTarget } from './target.ts'

const stopRequested = new AbortController()
const undoing: (() => Promise<void>)[] = []

/** What is going on goes beside the table, which may be piped into a file. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function isAskedFor({ kind, slow }: Attack, { fast, only }: AttackOptions): boolean {
  if (fast && slow === true) return false
  return only.length === 0 || only.some((name) => kind.startsWith(name))
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  const attacks = ATTACKS.filter((attack) => isAskedFor(attack, options))
  const environment = process.env
  const undo = (step: () => Promise<void>) => void undoing.push(step)
  const stack = await startAttackStack({ environment, say, signal: stopRequested.signal, undo })
  const target = await createTarget(stack)
  undo(target.close)
  say(`Attacking ${attacks.length} times`)
  const results = await runAttacks(attacks, target, stopRequested.signal)
  process.stdout.write(`${attackTable(results)}\n`)
  if (results.some(({ held }) => !held)) process.exitCode = 1
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

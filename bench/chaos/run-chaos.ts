import { setTimeout as sleep } from 'node:timers/promises'
import { type ChaosStack, type ChaosSurroundings, startChaosStack, type Victim } from './chaos-stack.ts'
import { inspect } from './inspect.ts'
import type { ChaosOptions } from './options.ts'
import { fillStream, keepAway } from './outages.ts'
import { planRounds, type Round } from './plan-rounds.ts'
import { openDatabases } from './read-databases.ts'
import type { ChaosReport, Done } from './report.ts'
import { type SteadyWrites, writeSteadily } from './write-steadily.ts'

const MINUTE_MS = 60_000
const CALM_MS = 5_000

/** Kills the parts of a stack under load, lets it come to rest, and looks whether everything is as it has to be. */
export async function runChaos(options: ChaosOptions, surroundings: ChaosSurroundings): Promise<ChaosReport> {
  const { signal, undo, say } = surroundings
  const stack = await startChaosStack(surroundings)
  const databases = openDatabases(stack.credentials.postgres_url)
  undo(databases.close)
  const writes = writeSteadily({ url: stack.url, apiKey: stack.credentials.api_key })
  const done: Done[] = []
  for (const step of stepsOf(options, stack, signal)) {
    await sleep(step.wait, undefined, { signal })
    done.push(await perform(step, writes))
    say(`${done.length}: ${step.what}`)
  }
  await writes.stop()
  const findings = await inspect(stack, databases, writes)
  return { seed: options.seed, done, retried: writes.retried(), repeated: writes.repeated(), findings }
}

interface Step {
  readonly what: string
  /** Ms of steady load before. */
  readonly wait: number
  readonly run: () => Promise<void>
}

function stepsOf({ rounds, seed, short }: ChaosOptions, stack: ChaosStack, signal: AbortSignal): Step[] {
  const kills = planRounds(rounds, seed).map((round) => ({
    what: `${round.victims.join(' and ')} killed`,
    wait: round.wait,
    run: () => killAll(stack, round, signal),
  }))
  if (short) return kills
  return [
    ...kills,
    { what: 'NATS away for a minute', wait: CALM_MS, run: () => keepAway(stack, 'nats', MINUTE_MS, signal) },
    { what: 'PostgreSQL away for a minute', wait: CALM_MS, run: () => keepAway(stack, 'postgres', MINUTE_MS, signal) },
    { what: 'NATS full for half a minute', wait: CALM_MS, run: () => fillStream(stack, MINUTE_MS / 2, signal) },
  ]
}

async function perform({ what, run }: Step, writes: SteadyWrites): Promise<Done> {
  const begin = performance.now()
  await run()
  return { what, backAfter: performance.now() - begin, acknowledged: writes.acknowledged.size }
}

async function killAll(stack: ChaosStack, { victims, gap }: Round, signal: AbortSignal): Promise<void> {
  const killed: (readonly [Victim, number])[] = []
  for (const victim of victims) {
    if (killed.length > 0) await sleep(gap, undefined, { signal })
    killed.push([victim, await stack.kill(victim)])
  }
  for (const [victim, pid] of killed) await stack.isBack(victim, pid)
}

import { runChaos } from '@memoric/bench/chaos/run-chaos.ts'
import { chaosTable } from '@memoric/bench/chaos/report.ts'
import { afterAll, expect, test } from 'vitest'

const undoing: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const step of undoing.reverse()) await step()
})

// Other parts of the stack are killed each time; the table names the seed.
test('whatever is killed under load: what was acknowledged is there, logged once, proven and found', async ({
  signal,
}) => {
  const undo = (step: () => Promise<void>) => void undoing.push(step)
  const seed = Math.floor(performance.timeOrigin) % 1_000_000
  const surroundings = { environment: {}, say: () => undefined, signal, undo }
  const report = await runChaos({ rounds: 5, seed, short: true }, surroundings)
  expect(
    report.findings.filter(({ holds }) => !holds),
    chaosTable(report),
  ).toEqual([])
  expect(report.done.at(-1)?.acknowledged).toBeGreaterThan(50)
}, 120_000)

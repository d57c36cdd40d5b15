import { setImmediate } from 'node:timers/promises'

/** Longest that others wait while something is computed, ms. */
const TURN_MS = 10

/** Makes what a long computation awaits between its steps: others have their turn when it has had its own. */
export function turns(): () => Promise<void> {
  let since = performance.now()
  const begin = () => {
    since = performance.now()
  }
  return async () => {
    if (performance.now() - since < TURN_MS) return
    await setImmediate()
    begin()
  }
}

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

export interface ChaosOptions {
  /** How often something is killed. */
  readonly rounds: number
  /** Decides who is killed and when. */
  readonly seed: number
  /** Leaves out what takes a minute each: NATS and PostgreSQL away, NATS full. */
  readonly short: boolean
}

const usage = 'npm run chaos -- [--rounds 50] [--seed 7] [--short]'

/** Reads the command line. Throws with the usage. */
export function parseOptions(args: readonly string[]): ChaosOptions {
  try {
    const options = {
      rounds: { type: 'string' },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
      short: { type: 'boolean', default: false },
    } as const
    const { values } = parseArgs({ args: [...args], options })
    const { short, rounds = short ? '6' : '50' } = values
    return { rounds: wholeNumber('rounds', rounds), seed: wholeNumber('seed', values.seed), short }
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : ''}\nUsage: ${usage}`, { cause })
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number`)
  return Number(text)
}

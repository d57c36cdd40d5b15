import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** Rows whose names begin with one of these; all when empty. */
  readonly only: readonly string[]
  /** Of one measurement, ms. */
  readonly duration: number
  readonly repetitions: number
  /** File for the figures as JSON. */
  readonly json: string | undefined
}

const usage = 'npm run bench -- [--only create,search-10k] [--seconds 3] [--repetitions 3] [--json file]'

/** Reads the command line. Throws with the usage. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const values = parse(args)
  const only = values.only.split(',').map((name) => name.trim())
  return {
    only: only.filter((name) => name !== ''),
    duration: positive('--seconds', values.seconds) * 1000,
    repetitions: Math.ceil(positive('--repetitions', values.repetitions)),
    json: values.json,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', default: '' },
        seconds: { type: 'string', default: '3' },
        repetitions: { type: 'string', default: '3' },
        json: { type: 'string' },
      },
    }).values
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : ''}\nUsage: ${usage}`, { cause })
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 3600)) throw new Error(`${name} must be a number above 0.\nUsage: ${usage}`)
  return value
}

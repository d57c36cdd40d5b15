import { parseArgs } from 'node:util'

export interface AttackOptions {
  /** Leaves out what takes long. */
  readonly fast: boolean
  /** Kinds of attack that begin with one of these; all when empty. */
  readonly only: readonly string[]
}

const usage = 'npm run attack -- [--fast] [--only tokens,smuggling]'

/** Reads the command line. Throws with the usage. */
export function parseOptions(args: readonly string[]): AttackOptions {
  try {
    const options = { fast: { type: 'boolean', default: false }, only: { type: 'string', default: '' } } as const
    const { values } = parseArgs({ args: [...args], options })
    const only = values.only.split(',').map((name) => name.trim())
    return { fast: values.fast, only: only.filter((name) => name !== '') }
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : ''}\nUsage: ${usage}`, { cause })
  }
}

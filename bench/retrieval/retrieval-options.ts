import { parseArgs } from 'node:util'

export interface RetrievalOptions {
  /** Conversations whose names begin with one of these; all when empty. */
  readonly only: readonly string[]
  /** File for the figures as JSON. */
  readonly json: string | undefined
  /** Puts the figures into docs/retrieval-quality.md. */
  readonly update: boolean
}

const usage = 'npm run bench:retrieval -- [--only lena,mia | --update] [--json file]'

/** Reads the command line. Throws with the usage. */
export function parseRetrievalOptions(args: readonly string[]): RetrievalOptions {
  try {
    const update = { type: 'boolean', default: false } as const
    const options = { only: { type: 'string', default: '' }, json: { type: 'string' }, update } as const
    const { values } = parseArgs({ args: [...args], options })
    const names = values.only.split(',').map((name) => name.trim())
    const only = names.filter((name) => name !== '')
    if (values.update && only.length > 0) throw new Error('--update is for all conversations')
    return { only, json: values.json, update: values.update }
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : ''}\nUsage: ${usage}`, { cause })
  }
}

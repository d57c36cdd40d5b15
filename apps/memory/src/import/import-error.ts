/** Why something cannot be imported; the message names the place, for a person. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
}

/** What is wrong with a line of a file. */
export function wrongLine(number: number, what: string, cause?: unknown): ImportError {
  return new ImportError(`line ${number}: ${what}`, { cause })
}

import type { z } from 'zod'
import { AppError } from './app-error.ts'

/** An opaque cursor: the position after which the next page begins. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** Reads a cursor back. Throws AppError `invalid_cursor` for anything that `schema` does not accept. */
export function decodeCursor<S extends z.ZodType>(cursor: string, schema: S): z.output<S> {
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch (cause) {
    throw new AppError('invalid_cursor', { cause })
  }
}

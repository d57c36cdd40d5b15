import { createHash } from 'node:crypto'
import { AppError } from '@memoric/service/app-error.ts'
import { faults } from '@memoric/service/implement-routes.ts'
import { parseStrictJson } from '@memoric/service/strict-json.ts'
import type { z } from 'zod'
import {
  capsuleLine,
  edgeLine,
  reflectionLine,
  consentLine,
  editLine,
  type ExportLine,
  handoffLine,
  handoffVersionLine,
  type HeaderLine,
  headerLine,
  memoryLine,
  noteLine,
  personLine,
  taskLine,
  threadLine,
  type TrailerLine,
  trailerLine,
  versionLine,
} from '../exports/export-lines.ts'
import { ImportError, wrongLine } from './import-error.ts'
import { type Line, readLines } from './read-lines.ts'

/** A line of an export between header and trailer. */
export interface NumberedLine {
  readonly number: number
  readonly line: ExportLine
}

const SCHEMAS = {
  memory: memoryLine,
  memory_version: versionLine,
  handoff: handoffLine,
  handoff_version: handoffVersionLine,
  person: personLine,
  note: noteLine,
  task: taskLine,
  thread: threadLine,
  edit: editLine,
  capsule: capsuleLine,
  reflection: reflectionLine,
  edge: edgeLine,
  consent: consentLine,
} as const

/**
 * Reads an export and checks all of it: form, order, counts, check sum. `onHeader` is told of the header first.
 * Throws ImportError, also at the end when something is missing.
 */
export async function* readExport(
  source: AsyncIterable<Uint8Array>,
  onHeader: (header: HeaderLine) => void = () => undefined,
): AsyncGenerator<NumberedLine> {
  const state = { hash: createHash('sha256'), counts: {} as Record<string, number>, trailer: false, memoryId: '' }
  for await (const line of readLines(source)) {
    if (state.trailer) throw wrongLine(line.number, 'comes after the trailer')
    const value = parseLine(line)
    if (line.number === 1) onHeader(check(line, headerLine, value))
    else if (typeOf(value) === 'trailer') {
      checkTrailer(line, check(line, trailerLine, value), state)
      state.trailer = true
    } else yield { number: line.number, line: count(line, value, state) }
    if (!state.trailer) state.hash.update(line.bytes).update('\n')
  }
  if (!state.trailer) throw new ImportError('The file was cut off: it has no trailer.')
}

interface Reading {
  readonly hash: ReturnType<typeof createHash>
  readonly counts: Record<string, number>
  memoryId: string
}

function parseLine({ number, bytes }: Line): unknown {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    if (error instanceof AppError)
      throw wrongLine(number, (error.detail ?? error.message).replace('the body', 'it'), error)
    throw error
  }
}

function typeOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
}

function count(line: Line, value: unknown, state: Reading): ExportLine {
  const type = typeOf(value)
  if (typeof type !== 'string' || !Object.hasOwn(SCHEMAS, type)) throw wrongLine(line.number, 'is of no known type')
  const record: ExportLine = check(line, SCHEMAS[type as keyof typeof SCHEMAS], value)
  if (record.type === 'memory') state.memoryId = record.id
  if (record.type === 'memory_version' && record.memory_id !== state.memoryId) {
    throw wrongLine(line.number, 'is a version that does not follow its memory')
  }
  state.counts[type] = (state.counts[type] ?? 0) + 1
  return record
}

function check<S extends z.ZodType>({ number }: Line, schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const said = faults(parsed.error).map(({ pointer, message }) => `${pointer === '' ? 'it' : pointer} ${message}`)
  throw wrongLine(number, said.slice(0, 5).join('; '))
}

function checkTrailer({ number }: Line, trailer: TrailerLine, { hash, counts }: Reading): void {
  if (trailer.lines !== number - 1) throw wrongLine(number, `says ${trailer.lines} lines; there are ${number - 1}`)
  for (const kind of new Set([...Object.keys(trailer.counts), ...Object.keys(counts)])) {
    const [said, found] = [trailer.counts[kind] ?? 0, counts[kind] ?? 0]
    if (said !== found) throw wrongLine(number, `says ${said} lines of ${kind}; there are ${found}`)
  }
  if (hash.digest('hex') !== trailer.sha256)
    throw wrongLine(number, 'the check sum is another one: the file was changed')
}

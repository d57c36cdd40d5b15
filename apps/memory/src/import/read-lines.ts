import { wrongLine } from './import-error.ts'

/** A line with its place in the file, from 1; without the line feed. */
export interface Line {
  readonly number: number
  readonly bytes: Buffer
}

/** No line of an export comes near this. */
const LINE_BYTES_MAX = 4_194_304
const LINE_FEED = 0x0a

/** Cuts bytes into lines. Throws ImportError for a line that is too long, or one that is not ended. */
export async function* readLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  for await (const part of source) {
    rest = rest.length === 0 ? Buffer.from(part) : Buffer.concat([rest, part])
    let from = 0
    for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED, from)) {
      number += 1
      yield { number, bytes: rest.subarray(from, end) }
      from = end + 1
    }
    rest = rest.subarray(from)
    if (rest.length > LINE_BYTES_MAX) throw wrongLine(number + 1, `is longer than ${LINE_BYTES_MAX} bytes`)
  }
  if (rest.length > 0) throw wrongLine(number + 1, 'has no end: the file was cut off')
}

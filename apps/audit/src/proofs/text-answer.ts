import { Readable } from 'node:stream'

/** An answer that is a text. */
export function textAnswer(text: string) {
  const body: AsyncIterable<Uint8Array> = Readable.from([Buffer.from(text)])
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body } as const
}

/** An answer that is a text. */
export function textAnswer(text: string) {
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: chunksOf(text) } as const
}

/** A text as the only part of a stream. */
// eslint-disable-next-line @typescript-eslint/require-await -- a stream that has everything already
async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

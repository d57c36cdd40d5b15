import { setTimeout as sleep } from 'node:timers/promises'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Embed } from './embedding-endpoint.ts'
import { EmbeddingError } from './embedding-error.ts'
import { quantise, type QuantisedVector } from './quantise.ts'

export interface EmbedTextsOptions {
  readonly embed: Embed
  readonly breaker: CircuitBreaker
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Most texts of one request, and most UTF-16 units of them together. */
const MOST_TEXTS = 64
const MOST_UNITS = 131_072

const ATTEMPTS = 3
const FIRST_PAUSE_MS = 250

/** A text that every model takes: what tells a bad text from bad settings. */
const HARMLESS = 'test'

/** The vectors of texts in their order; null for a text that the endpoint does not take. Throws EmbeddingError. */
export async function embedTexts(
  options: EmbedTextsOptions,
  texts: readonly string[],
): Promise<(QuantisedVector | null)[]> {
  const vectors: (QuantisedVector | null)[] = []
  for (let from = 0; from < texts.length;) {
    const batch = batchOf(texts, from)
    vectors.push(...(await embedBatch(options, batch)))
    from += batch.length
  }
  return vectors
}

function batchOf(texts: readonly string[], from: number): readonly string[] {
  let units = 0
  let to = from
  for (; to < texts.length && to - from < MOST_TEXTS; to++) {
    units += texts[to]?.length ?? 0
    if (to > from && units > MOST_UNITS) break
  }
  return texts.slice(from, to)
}

/** What is refused as a whole is tried in halves. */
async function embedBatch(options: EmbedTextsOptions, texts: readonly string[]): Promise<(QuantisedVector | null)[]> {
  try {
    return (await embedPatiently(options, texts)).map(quantise)
  } catch (error) {
    if (!(error instanceof EmbeddingError) || error.failure !== 'refused') throw error
    if (texts.length > 1) {
      const half = Math.ceil(texts.length / 2)
      const first = await embedBatch(options, texts.slice(0, half))
      return first.concat(await embedBatch(options, texts.slice(half)))
    }
    await requireHarmless(options, error)
    return [null]
  }
}

async function requireHarmless(options: EmbedTextsOptions, cause: EmbeddingError): Promise<void> {
  try {
    await embedPatiently(options, [HARMLESS])
  } catch (error) {
    if (!(error instanceof EmbeddingError) || error.failure !== 'refused') throw error
    options.breaker.failed()
    throw new EmbeddingError('misconfigured', 'the endpoint of embeddings refuses every text', { cause })
  }
}

async function embedPatiently(
  { embed, breaker, timeoutMs, signal }: EmbedTextsOptions,
  texts: readonly string[],
): Promise<readonly (readonly number[])[]> {
  for (let attempt = 1; ; attempt++) {
    if (!breaker.admits()) throw new EmbeddingError('away', 'the endpoint of embeddings is left alone for a while')
    try {
      const vectors = await embed(texts, { timeoutMs, signal })
      breaker.succeeded()
      return vectors
    } catch (error) {
      if (!(error instanceof EmbeddingError)) throw error
      if (error.failure === 'refused') breaker.succeeded()
      else breaker.failed(error.retryAfterMs)
      if (error.failure !== 'away' || attempt === ATTEMPTS || breaker.pause() > 0) throw error
    }
    await sleep(FIRST_PAUSE_MS * 2 ** attempt * (1 - Math.random() / 2), undefined, { signal, ref: false }).catch(
      () => undefined,
    )
    if (signal.aborted) throw new EmbeddingError('away', 'the service ends')
  }
}

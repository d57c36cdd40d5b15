import { EmbeddingError } from './embedding-error.ts'
import { readEmbeddings } from './read-embeddings.ts'

export interface EmbeddingRequest {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** Gives a vector for each text, in their order. Throws EmbeddingError. */
export type Embed = (texts: readonly string[], request: EmbeddingRequest) => Promise<readonly (readonly number[])[]>

export interface EmbeddingEndpointOptions {
  /** Address below which `/embeddings` is. */
  readonly url: string
  readonly model: string
  /** Sent as a bearer token. */
  readonly key?: string | undefined
  /** Asked for, and required of every answer. */
  readonly dimensions?: number | undefined
}

/** Largest answer that is read, bytes. */
const MOST_BYTES = 33_554_432

/** Longest that a `Retry-After` is obeyed, ms. */
const MOST_RETRY_AFTER = 600_000

const AWAY: ReadonlySet<number> = new Set([408, 409, 425, 429])
const REFUSED: ReadonlySet<number> = new Set([400, 413, 422])

/**
 * Asks an OpenAI-compatible endpoint. Its address is a setting of the operator's, like that of the database: it may be on a private
 * network. Redirects are not followed, so that neither texts nor the key go anywhere else.
 */
export function createEmbeddingEndpoint({ url, model, key, dimensions }: EmbeddingEndpointOptions): Embed {
  const address = addressOf(url)
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
  }
  return async (texts, { timeoutMs, signal }) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const ending = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
    const body = JSON.stringify({
      model,
      input: texts,
      encoding_format: 'float',
      ...(dimensions !== undefined && { dimensions }),
    })
    const answer = await ask(address, { method: 'POST', headers, body, redirect: 'manual', signal: ending })
    return readEmbeddings(answer, texts.length, dimensions)
  }
}

function addressOf(url: string): URL {
  const address = new URL(url)
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/embeddings`
  return address
}

async function ask(address: URL, request: RequestInit): Promise<string> {
  try {
    const response = await fetch(address, request)
    if (!response.ok) {
      await response.body?.cancel()
      throw failureOf(response)
    }
    return await readBody(response)
  } catch (cause) {
    if (cause instanceof EmbeddingError) throw cause
    throw new EmbeddingError('away', 'the endpoint of embeddings cannot be reached in time', { cause })
  }
}

function failureOf({ status, headers }: Response): EmbeddingError {
  const message = `the endpoint of embeddings answers ${status}`
  if (AWAY.has(status) || status >= 500) {
    return new EmbeddingError('away', message, { retryAfterMs: retryAfter(headers.get('retry-after')) })
  }
  return new EmbeddingError(REFUSED.has(status) ? 'refused' : 'misconfigured', message)
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
function retryAfter(value: string | null): number {
  if (value === null) return 0
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) ? Math.min(MOST_RETRY_AFTER, Math.max(0, ms)) : 0
}

async function readBody({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > MOST_BYTES) throw new EmbeddingError('misconfigured', 'the answer of the endpoint is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

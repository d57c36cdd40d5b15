import { Pool } from 'undici'

export interface BenchRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface LoadOptions {
  readonly url: string
  readonly connections: number
  /** ms */
  readonly duration: number
  /** The next request of a connection, counted from 0. */
  readonly next: (connection: number) => BenchRequest
  /** Whether a body of status 2xx is a good answer. */
  readonly accept?: (body: string) => boolean
  readonly signal: AbortSignal
}

export interface LoadResult {
  readonly requests: number
  readonly errors: number
  /** What the first error was. */
  readonly firstError: string | undefined
  /** ms */
  readonly elapsed: number
  /** ms, ascending */
  readonly latencies: readonly number[]
}

/** Keeps every connection busy with one request at a time until the time is over, at least one. Requests that fail are counted, not thrown. */
export async function runClosedLoop(options: LoadOptions): Promise<LoadResult> {
  const { url, connections, duration } = options
  const pool = new Pool(url, { connections, pipelining: 1 })
  const latencies: number[] = []
  const failures: string[] = []
  const begin = performance.now()
  const worker = async (connection: number) => {
    do {
      const sent = performance.now()
      const failure = await send(pool, options, connection)
      latencies.push(performance.now() - sent)
      if (failure !== undefined) failures.push(failure)
    } while (performance.now() - begin < duration && !options.signal.aborted)
  }
  await Promise.all(Array.from({ length: connections }, (_, connection) => worker(connection)))
  const elapsed = performance.now() - begin
  await pool.close()
  latencies.sort((a, b) => a - b)
  return { requests: latencies.length, errors: failures.length, firstError: failures[0], elapsed, latencies }
}

/** What went wrong, if anything did. */
async function send(pool: Pool, { next, accept }: LoadOptions, connection: number): Promise<string | undefined> {
  try {
    const { method, path, headers, body } = next(connection)
    const answer = await pool.request({ method, path, headers: { ...headers }, body: body ?? null })
    const text = await answer.body.text()
    const good = answer.statusCode >= 200 && answer.statusCode < 300 && (accept?.(text) ?? true)
    return good ? undefined : `${answer.statusCode} ${text.slice(0, 300)}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

import { setTimeout as sleep } from 'node:timers/promises'

/** Writes that go on whatever happens, and what is known of them. */
export interface SteadyWrites {
  /** What was acknowledged, by the word by which it is found. */
  readonly acknowledged: ReadonlyMap<string, Acknowledged>
  /** Tries that were answered with an error, or not at all, and were made again with the same key. */
  readonly retried: () => number
  /** Acknowledged requests that were sent once more with the same key. */
  readonly repeated: () => number
  /** What should not have been answered. */
  readonly faults: readonly string[]
  /** Ends when every write that was begun is acknowledged. */
  stop: () => Promise<void>
}

export interface Acknowledged {
  readonly id: string
  readonly subject: string
}

interface Target {
  readonly url: string
  readonly apiKey: string
}

const WRITERS = 4
const PAUSE_MS = 25
const RETRY_MS = 50
const TIMEOUT_MS = 20_000
/** One of so many acknowledged requests is sent again. */
const REPEAT_EVERY = 10

/** Each writer sends a memory after the other, each until it is acknowledged, with a key of its own. */
export function writeSteadily(target: Target): SteadyWrites {
  const acknowledged = new Map<string, Acknowledged>()
  const faults: string[] = []
  let [retried, repeated, stopping] = [0, 0, false]
  const isStopping = () => stopping

  async function writeOne(word: string, subject: string): Promise<void> {
    for (;;) {
      const answer = await send(target, word, subject)
      if (answer.id !== undefined) {
        note(word, { id: answer.id, subject })
        return
      }
      if (answer.fault !== undefined) faults.push(answer.fault)
      retried += 1
      await sleep(RETRY_MS)
    }
  }

  function note(word: string, made: Acknowledged): void {
    const before = acknowledged.get(word) ?? made
    if (before.id !== made.id) faults.push(`the key of ${word} made ${before.id} and ${made.id}`)
    acknowledged.set(word, made)
  }

  async function write(writer: number): Promise<void> {
    for (let count = 0; !isStopping(); count += 1) {
      const word = `w${writer}x${count.toString(36)}q`
      const subject = `subject-${(writer + count) % 7}`
      await writeOne(word, subject)
      if (count % REPEAT_EVERY === 0) {
        repeated += 1
        await writeOne(word, subject)
      }
      await sleep(PAUSE_MS)
    }
  }

  const writers = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
  return {
    acknowledged,
    retried: () => retried,
    repeated: () => repeated,
    faults,
    async stop() {
      stopping = true
      await writers
    },
  }
}

/** The id of what was made; a fault when the answer is neither that nor one that asks to come back. */
async function send({ url, apiKey }: Target, word: string, subject: string): Promise<{ id?: string; fault?: string }> {
  try {
    const answer = await fetch(`${url}/v1/memories`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json', 'idempotency-key': word },
      body: JSON.stringify({ content: `a note about ${word}`, subject_id: subject, on_duplicate: 'create' }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await answer.text()
    if (answer.status === 201) return { id: (JSON.parse(text) as { id: string }).id } // As the contract says.
    return isPassing(answer.status) ? {} : { fault: `POST /v1/memories: ${answer.status} ${text.slice(0, 200)}` }
  } catch {
    return {}
  }
}

/** Unavailable, or a request with the same key is still being worked on. */
function isPassing(status: number): boolean {
  return status === 503 || status === 504 || status === 502 || status === 409
}

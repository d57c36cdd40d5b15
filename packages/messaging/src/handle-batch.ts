import { setTimeout as sleep } from 'node:timers/promises'

/** A message as a handler sees it. */
export interface IncomingMessage {
  readonly subject: string
  readonly data: Uint8Array
  /** UTF-8 of the payload. */
  string: () => string
  readonly headers?: { get(name: string): string } | undefined
  /** Position in its stream. */
  readonly seq: number
  readonly info: { readonly deliveryCount: number }
}

/** What becomes of a message: taken in; to be delivered again later; kept as a dead letter with the reason. */
export type Verdict = 'ack' | 'retry' | { readonly dead: string }

export interface HandleOptions<M extends IncomingMessage> {
  /** One verdict for each message, in order. All or nothing: when it throws, none of them counts as taken in. */
  readonly handle: (messages: readonly M[]) => Promise<readonly Verdict[]>
  /** True for an error that will pass by itself (the database is away): the same batch is then tried until it goes. */
  readonly isTransient: (error: unknown) => boolean
  /** Called for messages that take long, so that they are not delivered to somebody else. */
  readonly keep: (messages: readonly M[]) => void
  readonly settle: (message: M, verdict: Verdict) => void
  readonly onError: (error: unknown, size: number) => void
  readonly signal: AbortSignal
}

const TRIES = 3
const RETRY_MS = 200
const LAST_RETRY_MS = 5_000
const DELIVERIES_MAX = 10
const WORN = 4

/** Handles a batch. A message that makes the handler throw is found by halving, and only it has to come again. */
export async function handleBatch<M extends IncomingMessage>(
  messages: readonly M[],
  options: HandleOptions<M>,
): Promise<void> {
  const worn = messages.filter((message) => message.info.deliveryCount >= WORN)
  const fresh = worn.length === 0 ? messages : messages.filter((message) => message.info.deliveryCount < WORN)
  if (fresh.length > 0) await handlePart(fresh, options)
  for (const message of worn) await handleWorn(message, options)
}

/** What was delivered often may be what ends the process each time: it goes alone, and not for ever. */
async function handleWorn<M extends IncomingMessage>(message: M, options: HandleOptions<M>): Promise<void> {
  if (message.info.deliveryCount > DELIVERIES_MAX) options.settle(message, { dead: 'delivered too often' })
  else await handlePart([message], options)
}

async function handlePart<M extends IncomingMessage>(messages: readonly M[], options: HandleOptions<M>): Promise<void> {
  const verdicts = await tryHandle(messages, options)
  if (verdicts !== undefined) {
    messages.forEach((message, index) => options.settle(message, verdicts[index] ?? 'retry'))
  } else if (messages.length === 1 || options.signal.aborted) {
    for (const message of messages) options.settle(message, giveUp(message, options))
  } else {
    const middle = messages.length >> 1
    await handlePart(messages.slice(0, middle), options)
    await handlePart(messages.slice(middle), options)
  }
}

function giveUp<M extends IncomingMessage>(message: M, options: HandleOptions<M>): Verdict {
  const last = message.info.deliveryCount >= DELIVERIES_MAX && !options.signal.aborted
  return last ? { dead: 'the handler failed each time' } : 'retry'
}

/** Undefined when the handler failed a few times, or when it is time to stop. */
async function tryHandle<M extends IncomingMessage>(
  messages: readonly M[],
  options: HandleOptions<M>,
): Promise<readonly Verdict[] | undefined> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await options.handle(messages)
    } catch (error) {
      options.onError(error, messages.length)
      if (options.signal.aborted || (failures >= TRIES && !options.isTransient(error))) return undefined
    }
    options.keep(messages)
    const wait = Math.min(LAST_RETRY_MS, RETRY_MS * 2 ** (failures - 1))
    await sleep(wait, undefined, { signal: options.signal }).catch(() => undefined)
  }
}

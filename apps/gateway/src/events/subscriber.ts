import { Readable } from 'node:stream'
import type { EndReason } from '@memoric/contracts/event-stream-contract.ts'
import { endFrame } from './event-frame.ts'

/** One client that listens. */
export interface Subscriber {
  /** What is sent. */
  readonly body: Readable
  /** Sends bytes; ends the stream when the client has not read what was sent before. */
  send(bytes: Buffer): void
  /** Resolves when the client has read most of what was sent. Rejects when it does not within PATIENCE_MS, or is gone. */
  drained(): Promise<void>
  /** Sends why it ends, and ends. */
  end(reason: EndReason): void
  hasEnded(): boolean
}

/** Bytes that wait for a client at most. */
export const UNSENT_MAX = 1_048_576
/** From here on what can wait does. */
const UNSENT_ENOUGH = 131_072
const PATIENCE_MS = 30_000
/** How long the last message may take to be read, ms. */
const LAST_MS = 5_000

export function createSubscriber(): Subscriber {
  let ended = false
  let waiting: (() => void) | undefined
  const body = new Readable({ highWaterMark: 16_384, read: () => waiting?.() })
  body.once('close', () => {
    ended = true
    waiting?.()
  })

  function end(reason: EndReason): void {
    if (ended) return
    ended = true
    body.push(endFrame(reason))
    body.push(null)
    waiting?.()
    const late = setTimeout(() => body.destroy(), LAST_MS)
    body.once('close', () => clearTimeout(late))
  }

  return {
    body,
    end,
    hasEnded: () => ended,
    send(bytes) {
      if (ended) return
      if (body.readableLength + bytes.length > UNSENT_MAX) end('too_slow')
      else body.push(bytes)
    },
    async drained() {
      if (body.readableLength < UNSENT_ENOUGH || ended) return
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const late = setTimeout(() => end('too_slow'), PATIENCE_MS)
      waiting = () => {
        if (ended || body.readableLength < UNSENT_ENOUGH) resolve(undefined)
      }
      await promise
      waiting = undefined
      clearTimeout(late)
    },
  }
}

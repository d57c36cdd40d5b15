import { type ErasePerson, personErased } from '@memoric/contracts/signals.ts'
import { ERASE_PERSON_SUBJECT, PERSON_ERASED_SUBJECT } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, publishSignal } from '@memoric/messaging/signals.ts'
import type { ErasureRow } from './erasure-repository.ts'

/** How many keys the log had of a person, and whether a legal hold keeps them: then they are destroyed when it ends. */
export interface LogAnswer {
  readonly keys: number
  readonly held: boolean
}

/** Has the audit service destroy its keys of a person. */
export interface AskLog {
  /** Asks until there is an answer. Null when there is none within the time, or once aborted. */
  destroyed(row: ErasureRow, timeoutMs: number, signal: AbortSignal): Promise<LogAnswer | null>
  close(): void
}

const AGAIN_MS = 500

export function createAskLog(messaging: Messaging): AskLog {
  const waiting = new Map<string, (answer: LogAnswer) => void>()
  const stop = onSignal(messaging, PERSON_ERASED_SUBJECT, (signal) => {
    const { erasureId, ...answer } = personErased.parse(signal)
    waiting.get(erasureId)?.(answer)
  })
  return {
    async destroyed({ tenant_id: tenantId, id: erasureId, subject_id: subjectId, requested_at }, timeoutMs, signal) {
      const question: ErasePerson = { erasureId, tenantId, subjectId, until: requested_at.getTime() }
      const { promise, resolve } = Promise.withResolvers<LogAnswer | null>()
      const ask = () => publishSignal(messaging, ERASE_PERSON_SUBJECT, question)
      waiting.set(erasureId, resolve)
      const again = setInterval(ask, AGAIN_MS)
      const giveUp = () => resolve(null)
      const end = setTimeout(giveUp, timeoutMs)
      signal.addEventListener('abort', giveUp)
      ask()
      try {
        return await promise
      } finally {
        clearInterval(again)
        clearTimeout(end)
        signal.removeEventListener('abort', giveUp)
        waiting.delete(erasureId)
      }
    },
    close: stop,
  }
}

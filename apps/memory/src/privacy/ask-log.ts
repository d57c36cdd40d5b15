import { type ErasePerson, personErased } from '@memoric/contracts/signals.ts'
import { ERASE_PERSON_SUBJECT, PERSON_ERASED_SUBJECT } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, publishSignal } from '@memoric/messaging/signals.ts'
import type { ErasureRow } from './erasure-repository.ts'

/** Has the audit service destroy its keys of a person. */
export interface AskLog {
  /** Asks until there is an answer: how many keys were destroyed. Null when there is none within the time, or once aborted. */
  destroyed(row: ErasureRow, timeoutMs: number, signal: AbortSignal): Promise<number | null>
  close(): void
}

const AGAIN_MS = 500

export function createAskLog(messaging: Messaging): AskLog {
  const waiting = new Map<string, (keys: number) => void>()
  const stop = onSignal(messaging, PERSON_ERASED_SUBJECT, (signal) => {
    const { erasureId, keys } = personErased.parse(signal)
    waiting.get(erasureId)?.(keys)
  })
  return {
    async destroyed({ tenant_id: tenantId, id: erasureId, subject_id: subjectId, requested_at }, timeoutMs, signal) {
      const question: ErasePerson = { erasureId, tenantId, subjectId, until: requested_at.getTime() }
      const { promise, resolve } = Promise.withResolvers<number | null>()
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

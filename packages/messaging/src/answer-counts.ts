import { type CountAnswer, COUNTED_TENANTS, countQuestion } from '@memoric/contracts/signals.ts'
import { countSubject } from '@memoric/contracts/subjects.ts'
import type { Messaging } from './connect.ts'
import { answerQuestions } from './questions.ts'

/** Answers audit how many events of an hour have left the outbox of `app`. Returns what ends it. */
export function answerCounts(
  messaging: Messaging,
  app: string,
  count: (hour: number, after: string, limit: number) => Promise<CountAnswer>,
): () => void {
  return answerQuestions(messaging, countSubject(app), (question) => {
    const { hour, after } = countQuestion.parse(question)
    return count(hour, after, COUNTED_TENANTS)
  })
}

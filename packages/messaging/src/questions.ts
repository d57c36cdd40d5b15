import type { Msg } from '@nats-io/transport-node'
import type { Messaging } from './connect.ts'

/** Answers questions (unchecked JSON) on `subject`; of several who listen under one name one answers. Returns what ends it. */
export function answerQuestions(
  messaging: Messaging,
  subject: string,
  answer: (question: unknown) => Promise<unknown>,
): () => void {
  const subscriptions = new Set<{ unsubscribe: () => void }>()
  const stop = messaging.onConnection((connection) => {
    const subscription = connection.subscribe(subject, {
      queue: 'answers',
      callback: (error, message) => void respond(error, message),
    })
    subscriptions.add(subscription)
  })
  async function respond(error: Error | null, message: Msg): Promise<void> {
    try {
      if (error !== null) throw error
      message.respond(JSON.stringify(await answer(message.json<unknown>())))
    } catch (cause) {
      messaging.log.error({ err: cause, subject }, 'a question could not be answered')
    }
  }

  return () => {
    stop()
    for (const subscription of subscriptions) subscription.unsubscribe()
  }
}

/** Asks, and resolves to the answer (unchecked JSON). Rejects when nobody answers within `timeoutMs`, or NATS is away. */
export async function ask(
  messaging: Messaging,
  subject: string,
  question: unknown,
  timeoutMs = 5_000,
): Promise<unknown> {
  const connection = messaging.connection()
  if (connection === undefined) throw new Error('NATS is away')
  const answer = await connection.request(subject, JSON.stringify(question), { timeout: timeoutMs })
  return answer.json<unknown>()
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { OutboundFetch } from '@memoric/service/outbound-fetch.ts'
import { z } from 'zod'
import { ModelError, type TextModel } from './text-model.ts'

export interface ChatModelOptions {
  /** Of the API, up to and without `/chat/completions`. */
  readonly url: string
  readonly name: string
  readonly apiKey: string | undefined
  readonly fetch: OutboundFetch
  /** Ms before another attempt; each time twice as long. */
  readonly pauseMs?: number
}

const ATTEMPTS = 3

const answerSchema = z.object({
  choices: z
    .array(z.object({ message: z.object({ content: z.string() }), finish_reason: z.string().nullish() }))
    .min(1),
})

/** A model behind an endpoint that speaks the chat API of OpenAI. What it is given as data is a message of its own, never part of ours. */
export function createChatModel({ url, name, apiKey, fetch, pauseMs = 500 }: ChatModelOptions): TextModel {
  const endpoint = `${url.replace(/\/+$/, '')}/chat/completions`
  const headers = {
    'content-type': 'application/json',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  }
  return {
    name,
    async ask({ instructions, data, maxTokens }, signal) {
      const body = JSON.stringify({
        model: name,
        temperature: 0,
        max_tokens: maxTokens,
        messages: [
          { role: 'system', content: instructions },
          { role: 'user', content: data },
        ],
      })
      for (let attempt = 1; ; attempt++) {
        const answer = await attemptOnce(fetch, endpoint, { method: 'POST', headers, body, signal })
        if (typeof answer === 'string') return answer
        if (!answer.mayPass || attempt === ATTEMPTS) throw answer.error
        await sleep(pauseMs * 2 ** (attempt - 1), undefined, { signal })
      }
    },
  }
}

interface Failure {
  readonly error: ModelError
  /** Whether another attempt may help. */
  readonly mayPass: boolean
}

async function attemptOnce(
  fetch: OutboundFetch,
  endpoint: string,
  request: Parameters<OutboundFetch>[1],
): Promise<string | Failure> {
  try {
    const response = await fetch(endpoint, request)
    if (response.status !== 200) {
      const mayPass = response.status === 429 || response.status >= 500
      return { error: new ModelError(`the model answered with status ${response.status}`), mayPass }
    }
    return read(await response.json())
  } catch (cause) {
    return { error: new ModelError('the model gave no answer', { cause }), mayPass: true }
  }
}

function read(json: unknown): string | Failure {
  const { success, data } = answerSchema.safeParse(json)
  const [choice] = data?.choices ?? []
  if (!success || choice === undefined) {
    return { error: new ModelError('the answer of the model has another shape'), mayPass: false }
  }
  if (choice.finish_reason === 'length') {
    return { error: new ModelError('the answer of the model was cut'), mayPass: false }
  }
  return choice.message.content
}

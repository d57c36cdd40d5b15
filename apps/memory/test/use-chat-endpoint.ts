import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll } from 'vitest'

export interface ChatRequest {
  readonly authorization: string | undefined
  readonly model: string
  readonly messages: readonly { role: string; content: string }[]
}

/** An OpenAI-compatible chat endpoint that answers as the test says. */
export function useChatEndpoint() {
  const requests: ChatRequest[] = []
  const state: { answer: (request: ChatRequest) => { status?: number; body: unknown } | 'silence' } = {
    answer: () => ({ body: say('Nothing.') }),
  }
  let server: Server | undefined
  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Omit<ChatRequest, 'authorization'>
        const asked = { ...body, authorization: request.headers.authorization }
        requests.push(asked)
        const answer = state.answer(asked)
        if (answer === 'silence') return
        response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' })
        response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
      })
    })
    await new Promise<void>((resolve) => void server?.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => {
    server?.closeAllConnections()
    server?.close()
  })
  return {
    requests,
    state,
    url: () => `http://127.0.0.1:${(server?.address() as AddressInfo).port}/v1/`,
  }
}

/** An answer with this text. */
export function say(content: string, finish_reason = 'stop') {
  return { choices: [{ message: { role: 'assistant', content }, finish_reason }] }
}

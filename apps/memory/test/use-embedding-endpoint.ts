import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { quantise } from '../src/embeddings/quantise.ts'
import { words } from '../src/search/words.ts'

export interface EmbeddingRequest {
  readonly path: string
  readonly authorization: string | undefined
  readonly model: string
  readonly input: readonly string[]
  readonly dimensions?: number
}

export type Behaviour = (request: EmbeddingRequest, response: ServerResponse) => void | Promise<void>

/** An endpoint that gives paraphrases near vectors, and what it was asked. */
export interface EmbeddingEndpoint {
  readonly url: string
  /** Requests since the test began. */
  readonly requests: EmbeddingRequest[]
  /** Answers as a test wants it to; well again in the next test. */
  behave(behaviour: Behaviour): void
  behaveWell(): void
}

const DIMENSIONS = 48

/** Words that mean the same. */
const SYNONYMS = [
  ['tea', 'brew', 'infusion'],
  ['car', 'automobile', 'vehicle'],
  ['doctor', 'physician'],
  ['dog', 'puppy', 'hound'],
  ['house', 'home', 'dwelling'],
]

const MEANINGS = new Map(SYNONYMS.flatMap((same) => same.map((word) => [words(word)[0] ?? word, same[0] ?? word])))

/** A bag of meanings, hashed: the same words always give the same vector. */
export function vectorOf(text: string, dimensions = DIMENSIONS): number[] {
  const vector = Array.from({ length: dimensions }, (_, at): number => (at === 0 ? 0.05 : 0))
  for (const word of words(text)) {
    const meaning = MEANINGS.get(word) ?? word
    let hash = 7
    for (const character of meaning) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0
    const place = 1 + (hash % (dimensions - 1))
    vector[place] = (vector[place] ?? 0) + 1
  }
  return vector
}

/** As bytes hold it: what a search compares. */
export function similarityOf(one: string, other: string): number {
  const [first, second] = [quantise(vectorOf(one)), quantise(vectorOf(other))]
  const sum = first.values.reduce((total, value, at) => total + value * (second.values[at] ?? 0), 0)
  return Math.min(1, Math.max(0, sum * first.scale * second.scale))
}

/** What a well-behaved endpoint answers. */
export function answerWell({ input, dimensions }: EmbeddingRequest, response: ServerResponse): void {
  const data = input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text, dimensions) }))
  // In any order.
  answerJson(response, { object: 'list', data: data.toReversed() })
}

export function answerJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

export function useEmbeddingEndpoint(): EmbeddingEndpoint {
  const requests: EmbeddingRequest[] = []
  let behaviour: Behaviour = answerWell
  const server = createServer((request, response) => {
    void readRequest(request).then((asked) => {
      requests.push(asked)
      return behaviour(asked, response)
    })
  })
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
  beforeEach(() => {
    requests.length = 0
    behaviour = answerWell
  })
  afterAll(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
    },
    requests,
    behave: (wanted) => void (behaviour = wanted),
    behaveWell: () => void (behaviour = answerWell),
  }
}

async function readRequest(request: IncomingMessage): Promise<EmbeddingRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const { authorization } = request.headers
  const body = JSON.parse(Buffer.concat(chunks).toString()) as Omit<EmbeddingRequest, 'path' | 'authorization'>
  return { ...body, path: request.url ?? '', authorization }
}

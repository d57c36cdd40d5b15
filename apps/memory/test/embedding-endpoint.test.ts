import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createCircuitBreaker } from '../src/embeddings/circuit-breaker.ts'
import { embedTexts } from '../src/embeddings/embed-texts.ts'
import { createEmbeddingEndpoint } from '../src/embeddings/embedding-endpoint.ts'
import { answerJson, answerWell, type Behaviour, useEmbeddingEndpoint, vectorOf } from './use-embedding-endpoint.ts'

const endpoint = useEmbeddingEndpoint()
const ask = (texts: readonly string[], dimensions?: number) =>
  createEmbeddingEndpoint({ url: endpoint.url, model: 'm', key: 'secret', dimensions })(texts, { timeoutMs: 400 })

const raw =
  (body: string): Behaviour =>
  (_request, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(body)
const status =
  (code: number, headers: Record<string, string> = {}): Behaviour =>
  (_request, response) =>
    void response.writeHead(code, headers).end('{"error":{"message":"the text was quokka"}}')
const vectors =
  (...data: unknown[]): Behaviour =>
  (_request, response) =>
    answerJson(response, { data })

test('asks for all texts at once and takes the vectors by their index', async () => {
  expect(await ask(['tea', 'car'])).toEqual([vectorOf('tea'), vectorOf('car')])
  expect(endpoint.requests).toEqual([
    {
      path: '/v1/embeddings',
      authorization: 'Bearer secret',
      model: 'm',
      input: ['tea', 'car'],
      encoding_format: 'float',
    },
  ])
  await ask(['tea'], 16)
  expect(endpoint.requests[1]?.dimensions).toBe(16)
})

test.each<[string, Behaviour, string]>([
  ['cut off JSON', raw('{"data":[{"index":0,"embedding":[1,2'), 'away'],
  ['no JSON', raw('quokka <html>'), 'away'],
  ['something else', raw('{"data":[{"index":0,"embedding":"quokka"}]}'), 'away'],
  ['NaN', raw('{"data":[{"index":0,"embedding":[NaN,1]}]}'), 'away'],
  ['a number out of range', raw('{"data":[{"index":0,"embedding":[1e999,1]}]}'), 'away'],
  ['null among numbers', vectors({ index: 0, embedding: [null, 1] }), 'away'],
  ['a vector without direction', vectors({ index: 0, embedding: [0, 0] }), 'away'],
  ['an empty vector', vectors({ index: 0, embedding: [] }), 'away'],
  ['too few vectors', vectors(), 'away'],
  ['too many vectors', vectors({ index: 0, embedding: [1] }, { index: 1, embedding: [1] }), 'away'],
  ['an index twice', vectors({ index: 0, embedding: [1] }, { index: 0, embedding: [1] }), 'away'],
  ['other dimensions', vectors({ index: 0, embedding: [1, 2, 3] }), 'misconfigured'],
  ['a redirect', status(307, { location: 'http://127.0.0.1:1/' }), 'misconfigured'],
  ['a wrong key', status(401), 'misconfigured'],
  ['an unknown model', status(404), 'misconfigured'],
  ['a text that it does not take', status(400), 'refused'],
  ['an error of its own', status(500), 'away'],
  ['a broken connection', (_request, response) => void response.destroy(), 'away'],
  ['silence', () => undefined, 'away'],
])('says what is wrong with %s, and nothing of the texts', async (_name, behaviour, failure) => {
  endpoint.behave(behaviour)
  const error: unknown = await ask(['quokka'], 2).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: 'EmbeddingError', failure })
  expect(inspect(error, { depth: 9 })).not.toMatch(/quokka|secret/)
})

test('a body that trickles for ever ends with the time limit', async () => {
  endpoint.behave((_request, response) => {
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  })
  await expect(ask(['x'])).rejects.toMatchObject({ failure: 'away' })
})

test('hands on for how long it is to be left alone', async () => {
  endpoint.behave(status(429, { 'retry-after': '7' }))
  await expect(ask(['x'])).rejects.toMatchObject({ failure: 'away', retryAfterMs: 7000 })
  endpoint.behave(status(503, { 'retry-after': '99999999' }))
  await expect(ask(['x'])).rejects.toMatchObject({ retryAfterMs: 600_000 })
})

const work = (patience = 3) => ({
  embed: createEmbeddingEndpoint({ url: endpoint.url, model: 'm' }),
  breaker: createCircuitBreaker({ patience, firstPauseMs: 50, longestPauseMs: 100 }),
  timeoutMs: 1000,
  signal: new AbortController().signal,
})

test('tries again after an error of the endpoint, and leaves it alone when that does not help', async () => {
  let failures = 1
  endpoint.behave((request, response) =>
    failures-- > 0 ? status(500)(request, response) : answerWell(request, response),
  )
  expect(await embedTexts(work(), ['tea'])).toHaveLength(1)
  expect(endpoint.requests).toHaveLength(2)
  endpoint.behave(status(500))
  const patient = work()
  await expect(embedTexts(patient, ['tea'])).rejects.toMatchObject({ failure: 'away' })
  expect(endpoint.requests).toHaveLength(5)
  await expect(embedTexts(patient, ['tea'])).rejects.toThrow('left alone')
  expect(endpoint.requests).toHaveLength(5)
})

test('a text that is not taken keeps none of the others', async () => {
  const texts = Array.from({ length: 10 }, (_, at) => (at === 6 ? 'poison' : `tea ${at}`))
  endpoint.behave((request, response) =>
    request.input.includes('poison') ? status(400)(request, response) : answerWell(request, response),
  )
  const found = await embedTexts(work(), texts)
  expect(found.map((vector) => vector === null)).toEqual(texts.map((text) => text === 'poison'))
})

test('when every text is refused the settings are wrong, not the texts', async () => {
  endpoint.behave(status(400))
  await expect(embedTexts(work(), ['one', 'two'])).rejects.toMatchObject({ failure: 'misconfigured' })
})

test('long texts go in several requests', async () => {
  const found = await embedTexts(
    work(),
    Array.from({ length: 40 }, () => 'x'.repeat(8000)),
  )
  expect(found).toHaveLength(40)
  expect(endpoint.requests.map(({ input }) => input.length)).toEqual([16, 16, 8])
})

test('a breaker lets one through after its pause, and doubles the pause when that fails, too', () => {
  let now = 0
  const breaker = createCircuitBreaker({
    patience: 2,
    firstPauseMs: 1000,
    longestPauseMs: 3000,
    now: () => now,
    random: () => 0,
  })
  const fail = () => (breaker.admits() ? breaker.failed() : undefined, breaker.pause())
  expect([fail(), fail(), breaker.admits()]).toEqual([0, 1000, false])
  now = 1000
  expect([breaker.admits(), breaker.admits()]).toEqual([true, false])
  breaker.failed()
  expect(breaker.pause()).toBe(2000)
  now += 2000
  expect([fail(), breaker.admits()]).toEqual([3000, false])
  now += 3000
  expect(breaker.admits()).toBe(true)
  breaker.succeeded()
  expect([breaker.admits(), breaker.admits(), breaker.pause()]).toEqual([true, true, 0])
})

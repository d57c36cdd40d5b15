import { describe, expect, test } from 'vitest'
import { useHealth, type HealthOptions } from '../src/health-plugin.ts'
import { useMetrics } from '../src/metrics-plugin.ts'
import { problemFrom, testServer } from './test-server.ts'

const TOKEN = 'token-of-the-operator'
const bearer = { authorization: `Bearer ${TOKEN}` }

async function ask(options: HealthOptions, headers: Record<string, string> = {}) {
  const app = await testServer()
  useHealth(app, options)
  const answer = await app.inject({ url: '/ready', headers })
  return { status: answer.statusCode, retryAfter: answer.headers['retry-after'], body: answer.json<unknown>() }
}

function fails(): Promise<void> {
  return Promise.reject(new Error('planted reason'))
}

describe('/ready', () => {
  test('is 200 when every check passes', async () => {
    const checks = { postgres: () => Promise.resolve(), keys: () => undefined }
    expect(await ask({ checks })).toEqual({ status: 200, retryAfter: undefined, body: { status: 'ready' } })
    expect((await ask({ checks: {} })).status).toBe(200)
  })

  test.each([
    ['rejects', fails],
    [
      'throws',
      () => {
        throw new Error('planted reason')
      },
    ],
    ['hangs', () => new Promise<void>(() => undefined)],
  ])('is 503 with Retry-After when a check %s', async (_how, check) => {
    const answer = await ask({ checks: { postgres: check, keys: () => undefined }, timeoutMs: 20 })
    expect(answer).toEqual({ status: 503, retryAfter: '1', body: { status: 'not_ready' } })
  })

  test('is 200 and says degraded when only a lesser check fails', async () => {
    const options = { checks: { postgres: () => undefined }, lesserChecks: { nats: fails }, token: TOKEN }
    const body = { status: 'degraded', checks: { postgres: 'ok', nats: 'failed' } }
    expect(await ask(options, bearer)).toEqual({ status: 200, retryAfter: undefined, body })
  })

  test('tells which check failed to the holder of the token, never why', async () => {
    const options = { checks: { postgres: fails, keys: () => undefined }, token: TOKEN }
    const { body } = await ask(options, bearer)
    expect(body).toEqual({ status: 'not_ready', checks: { postgres: 'failed', keys: 'ok' } })
  })

  test.each([
    ['no token', {}],
    ['another token', { authorization: 'Bearer token-of-the-operatoR' }],
    ['a longer token', { authorization: `Bearer ${TOKEN}x` }],
    ['the token in another scheme', { authorization: `Basic ${TOKEN}` }],
  ])('tells no details to %s', async (_who, headers) => {
    const { body } = await ask({ checks: { postgres: fails }, token: TOKEN }, headers)
    expect(body).toEqual({ status: 'not_ready' })
  })

  test('tells no details to anyone when no token is set', async () => {
    const options = { checks: { postgres: fails } }
    expect((await ask(options, { authorization: 'Bearer ' })).body).toEqual({ status: 'not_ready' })
    expect((await ask(options, { authorization: 'Bearer undefined' })).body).toEqual({ status: 'not_ready' })
  })

  test('asks each check once when many ask at the same time', async () => {
    let asked = 0
    const app = await testServer()
    const check = () => {
      asked++
    }
    useHealth(app, { checks: { postgres: check } })
    await Promise.all(Array.from({ length: 20 }, () => app.inject({ url: '/ready' })))
    expect(asked).toBe(1)
  })

  test('is 503 while the server closes, when the checks still pass', async () => {
    const app = await testServer()
    useHealth(app, { checks: {} })
    const answers: Response[] = []
    app.addHook('preClose', async () => void answers.push(await fetch(url)))
    const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/ready`
    answers.push(await fetch(url))
    await app.close()
    expect(answers.map(({ status }) => status)).toEqual([200, 503])
  })
})

test('/health is 200 even when the app cannot do its work', async () => {
  const app = await testServer()
  useHealth(app, { checks: { postgres: fails } })
  const answer = await app.inject({ url: '/health' })
  expect({ status: answer.statusCode, body: answer.json<unknown>() }).toEqual({
    status: 200,
    body: { status: 'alive' },
  })
})

describe('/metrics', () => {
  test('gives figures of the process, the requests and the app to the holder of the token', async () => {
    const app = await testServer()
    useMetrics(app, {
      app: 'memory',
      token: TOKEN,
      gauges: { outbox_rows: { help: 'rows', read: () => Promise.resolve(7) } },
    })
    app.get('/items/:id', () => ({}))
    await app.inject({ url: '/items/planted-id' })
    await app.inject({ url: '/planted-path' })
    const { statusCode, headers, body } = await app.inject({ url: '/metrics', headers: bearer })
    expect({ statusCode, type: headers['content-type'] }).toMatchObject({ statusCode: 200 })
    expect(headers['content-type']).toContain('text/plain')
    expect(body).toContain('outbox_rows{app="memory"} 7')
    expect(body).toMatch(/http_request_duration_seconds_count\{[^}]*route="\/items\/:id"/)
    expect(body).toContain('process_cpu_seconds_total')
    expect(body).not.toContain('planted')
  })

  test.each([
    ['no token', TOKEN, {}],
    ['another token', TOKEN, { authorization: 'Bearer another-token-of-it' }],
    ['a token when none is set', undefined, { authorization: 'Bearer undefined' }],
  ])('does not exist for %s', async (_who, token, headers) => {
    const app = await testServer()
    useMetrics(app, { app: 'memory', token })
    expect((await problemFrom(app, { url: '/metrics', headers })).problem.code).toBe('route_not_found')
  })
})

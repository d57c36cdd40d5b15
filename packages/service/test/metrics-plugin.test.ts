import { expect, test } from 'vitest'
import { useMetrics } from '../src/metrics-plugin.ts'
import { testServer } from './test-server.ts'

const token = 'a-token-for-operators'
const headers = { authorization: `Bearer ${token}` }

test('gauges and counters are read when somebody asks', async () => {
  const app = await testServer()
  let reads = 0
  useMetrics(app, {
    app: 'test',
    token,
    gauges: { waiting: { help: 'how many wait', read: () => 7 } },
    counters: {
      refused_total: {
        help: 'how many were refused',
        labelNames: ['reason'],
        read: () => [
          { labels: { reason: 'a' }, value: ++reads },
          { labels: { reason: 'b' }, value: 0 },
        ],
      },
    },
  })
  for (const expected of [1, 2]) {
    const { body } = await app.inject({ url: '/metrics', headers })
    expect(body).toContain('waiting{app="test"} 7')
    expect(body).toContain('# TYPE refused_total counter')
    expect(body).toContain(`refused_total{reason="a",app="test"} ${expected}`)
    expect(body).toContain('refused_total{reason="b",app="test"} 0')
  }
})

test('without the token there is no such address', async () => {
  const app = await testServer()
  useMetrics(app, { app: 'test', token })
  expect((await app.inject('/metrics')).statusCode).toBe(404)
})

import { expect, test } from 'vitest'
import { useHealth } from '../src/health-plugin.ts'
import { testServer } from './test-server.ts'

test('with too much memory in use, requests are refused as a problem and the app is not ready', async () => {
  const app = await testServer({ maxHeapBytes: 1 })
  useHealth(app, { checks: {} })
  app.get('/work', () => ({}))
  await app.ready()
  const status = async (url: string) => (await app.inject(url)).json<{ code?: string; status: unknown }>()
  await expect.poll(() => status('/work'), { timeout: 5000 }).toMatchObject({ status: 503, code: 'overloaded' })
  expect(await status('/ready')).toEqual({ status: 'not_ready' })
  expect(await status('/health')).toEqual({ status: 'alive' })
})

import { expect, test } from 'vitest'
import { useMemory } from './use-memory.ts'

const token = 'an-operators-token-of-a-test'
const memory = useMemory({ METRICS_TOKEN: token, KEY_CACHE_SECONDS: '1' })

const readiness = async () => {
  const answer = await memory.app.inject({ url: '/ready', headers: { authorization: `Bearer ${token}` } })
  return { status: answer.statusCode, ...answer.json<{ checks: Record<string, string> }>().checks }
}

test('is ready while database, keys and NATS can be used', async () => {
  await expect.poll(readiness).toEqual({ status: 200, database: 'ok', keys: 'ok', nats: 'ok' })
})

test('is not ready when keys cannot be had any more', async () => {
  await memory.admin`delete from subject_keys`
  await expect.poll(readiness, { timeout: 5000 }).toMatchObject({ status: 503, database: 'ok', keys: 'failed' })
})

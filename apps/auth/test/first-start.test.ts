import { createLogger } from '@memoric/service/logger.ts'
import { expect, test } from 'vitest'
import { createDeps } from '../src/deps.ts'
import { testConfig } from './auth-settings.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

test('processes that start on an empty database at the same time agree on all keys', async () => {
  await auth.admin`truncate root_keys, signing_keys`
  const log = createLogger({ app: 'auth', level: 'silent' })
  const started = await Promise.all(Array.from({ length: 6 }, () => createDeps(testConfig(auth.settings()), log)))
  const known = started.map(({ accessTokens, keys }) => ({
    jwks: accessTokens.jwks(),
    index: keys.emailIndex('a@example.com').toString('hex'),
  }))
  for (const { closer } of started) await closer.close()
  expect(known).toEqual(Array(6).fill(known[0]))
  expect(known[0]!.jwks.keys).toHaveLength(2)
})

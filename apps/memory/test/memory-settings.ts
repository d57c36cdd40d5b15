import { randomBytes } from 'node:crypto'
import { createServiceKey, hashServiceKeySecret } from '@memoric/crypto/service-key.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { memoryConfig, type MemoryConfig } from '../src/config.ts'

export const gatewayKey = createServiceKey('gateway')

const randomKey = (): string => randomBytes(32).toString('base64')

/** What a process of the memory service needs besides its servers. */
export const processSettings = {
  MEMORIC_ENCRYPTION_KEY: randomKey(),
  PERSONAL_DATA_KEY: randomKey(),
  SERVICE_KEY_HASHES: JSON.stringify({ gateway: hashServiceKeySecret(gatewayKey.secret).toString('hex') }),
  NODE_ENV: 'test',
  LOG_LEVEL: 'silent',
}

/** The configuration of an app under test. */
export function testConfig(settings: Readonly<Record<string, string>>): MemoryConfig {
  return loadConfig(memoryConfig, { ...processSettings, ...settings })
}

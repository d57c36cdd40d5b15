import { randomBytes } from 'node:crypto'
import { createServiceKey, hashServiceKeySecret } from '@memoric/crypto/service-key.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { type AuthConfig, authConfig } from '../src/config.ts'

export const gatewayKey = createServiceKey('gateway')

export const randomKey = (): string => randomBytes(32).toString('base64')

/** What a process of auth needs besides its servers: secrets of one run, and passwords that cost little to hash. */
export const processSettings = {
  MEMORIC_ENCRYPTION_KEY: randomKey(),
  PERSONAL_DATA_KEY: randomKey(),
  API_KEY_PEPPER: randomKey(),
  SERVICE_KEY_HASHES: JSON.stringify({ gateway: hashServiceKeySecret(gatewayKey.secret).toString('hex') }),
  NODE_ENV: 'test',
  LOG_LEVEL: 'silent',
  PASSWORD_MEMORY_KIB: '64',
  PASSWORD_PASSES: '1',
}

/** The configuration of an app under test. */
export function testConfig(settings: Readonly<Record<string, string>>): AuthConfig {
  return loadConfig(authConfig, { ...processSettings, ...settings })
}

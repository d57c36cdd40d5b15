import { randomBytes } from 'node:crypto'
import type { AppName } from '@memoric/contracts/route.ts'
import { createServiceKey, hashServiceKeySecret, type ServiceKey } from '@memoric/crypto/service-key.ts'
import { freePort } from '@memoric/local/free-port.ts'
import type { OwnNats } from '@memoric/testkit/start-own-nats.ts'

/** Apps with a database of their own. */
export const SERVICES = ['auth', 'memory', 'audit'] as const
export type ServiceName = (typeof SERVICES)[number]

export const APPS: readonly AppName[] = [...SERVICES, 'gateway']

export type Environment = Readonly<Record<string, string>>

/** Variables for every app, or for each its own. */
export type Overrides = Environment | ((app: AppName) => Environment)

export interface StackSettings {
  /** The environment of each app: ports, secrets and addresses fit together, and stay over restarts. */
  readonly environments: Readonly<Record<AppName, Environment>>
  readonly urls: Readonly<Record<AppName, string>>
  /** By which the gateway identifies itself. */
  readonly serviceKey: ServiceKey
}

export interface StackServers {
  readonly nats: Pick<OwnNats, 'url' | 'password'>
  readonly databaseUrls: Readonly<Record<ServiceName, string>>
}

export const METRICS_TOKEN = 'a-token-for-operators'

/** Limits that no test reaches, and passwords that cost little to hash. */
const LENIENT = {
  RATE_LIMIT_ANONYMOUS_MAX: '1000000',
  RATE_LIMIT_AUTH_MAX: '1000000',
  RATE_LIMIT_MAX: '1000000',
  RATE_LIMIT_WRITE_MAX: '1000000',
  RATE_LIMIT_TENANT_MAX: '1000000',
  PASSWORD_MEMORY_KIB: '64',
  PASSWORD_PASSES: '1',
}

/** Ports, secrets and environments of a stack of its own; `overrides` have the last word. */
export async function createStackSettings(servers: StackServers, overrides: Overrides = {}): Promise<StackSettings> {
  const serviceKey = createServiceKey('gateway')
  const ports = { auth: await freePort(), memory: await freePort(), audit: await freePort(), gateway: await freePort() }
  const url = (app: AppName) => `http://127.0.0.1:${ports[app]}`
  const shared = {
    NODE_ENV: 'test',
    METRICS_TOKEN,
    LOG_LEVEL: 'warn',
    PERSONAL_DATA_KEY: randomKey(),
    API_KEY_PEPPER: randomKey(),
    NATS_URL: servers.nats.url,
    TRUSTED_PROXIES: '127.0.0.1',
    PUBLIC_URL: url('gateway'),
    SERVICE_KEY_HASHES: JSON.stringify({ gateway: hashServiceKeySecret(serviceKey.secret).toString('hex') }),
    ...LENIENT,
    ...Object.fromEntries(SERVICES.flatMap((app) => addressOf(app, url(app), serviceKey))),
  }
  const environmentOf = (app: AppName): Environment => ({
    ...shared,
    PORT: String(ports[app]),
    NATS_USER: app,
    NATS_PASSWORD: servers.nats.password(app),
    MEMORIC_ENCRYPTION_KEY: randomKey(),
    ...(app !== 'gateway' && { DATABASE_URL: servers.databaseUrls[app] }),
    ...(typeof overrides === 'function' ? overrides(app) : overrides),
  })
  return { environments: forEachApp(environmentOf), urls: forEachApp(url), serviceKey }
}

function forEachApp<T>(make: (app: AppName) => T): Record<AppName, T> {
  return { auth: make('auth'), memory: make('memory'), audit: make('audit'), gateway: make('gateway') }
}

function addressOf(app: ServiceName, url: string, serviceKey: ServiceKey): [string, string][] {
  const name = app.toUpperCase()
  return [
    [`${name}_URL`, url],
    [`${name}_SERVICE_KEY`, serviceKey.text],
  ]
}

function randomKey(): string {
  return randomBytes(32).toString('base64')
}

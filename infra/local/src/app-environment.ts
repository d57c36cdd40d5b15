import type { Ports } from './choose-ports.ts'
import type { Home } from './home.ts'
import { type DatabaseApp, databaseApps, secretFile, type Secrets } from './secrets.ts'

export type App = DatabaseApp | 'gateway'

export interface AppSurroundings {
  home: Home
  ports: Ports
  secrets: Secrets
  /** URLs with which the apps sign in to their databases. */
  databaseUrls: Record<DatabaseApp, string>
  /** The environment of the person who started the stack. */
  user: Readonly<Record<string, string | undefined>>
}

const passedThrough = /^(RATE_LIMIT_[A-Z_]+|LOG_LEVEL|REDIS_URL|MEMORIC_[A-Z_]+)$/

/**
 * The whole environment of an app: a few variables of the person who starts it, by name, then what the stack decides. What the
 * stack gives as a file cannot be given as a value beside it.
 */
export function appEnvironment(app: App, surroundings: AppSurroundings): Record<string, string> {
  const own = {
    ...common(app, surroundings),
    ...(app === 'gateway' ? gateway(surroundings) : service(app, surroundings)),
  }
  const inherited = Object.entries(surroundings.user).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && passedThrough.test(entry[0]) && !Object.hasOwn(own, `${entry[0]}_FILE`),
  )
  return { PATH: surroundings.user.PATH ?? '', ...Object.fromEntries(inherited), ...own }
}

function common(app: App, { ports, secrets }: AppSurroundings): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: String(ports[app]),
    NATS_URL: `nats://127.0.0.1:${ports.nats}`,
    NATS_USER: app,
    NATS_PASSWORD: secrets.natsPasswords[app],
  }
}

function service(app: DatabaseApp, { home, secrets, databaseUrls }: AppSurroundings): Record<string, string> {
  return {
    DATABASE_URL: databaseUrls[app],
    SERVICE_KEY_HASHES: secrets.serviceKeyHashes[app],
    MEMORIC_ENCRYPTION_KEY_FILE: secretFile(home, `${app}-encryption.key`),
    PERSONAL_DATA_KEY_FILE: secretFile(home, 'personal-data.key'),
    ...(app === 'auth' && { API_KEY_PEPPER_FILE: secretFile(home, 'api-key-pepper.key'), MEMORIC_ENV: 'local' }),
  }
}

function gateway({ home, ports }: AppSurroundings): Record<string, string> {
  const perApp = databaseApps.map((app): Record<string, string> => {
    const name = app.toUpperCase()
    return {
      [`${name}_URL`]: `http://127.0.0.1:${ports[app]}`,
      [`${name}_SERVICE_KEY_FILE`]: secretFile(home, `gateway-to-${app}.key`),
    }
  })
  return Object.assign({}, ...perApp) as Record<string, string> // Each part is one.
}

import { type App, appSecretFiles, appSecretTexts } from '@memoric/setup/app-secrets.ts'
import { type DatabaseApp, databaseApps, secretFile, type Secrets } from '@memoric/setup/secrets.ts'
import { runtimeSettings } from '@memoric/setup/runtime-settings.ts'
import type { Ports } from './choose-ports.ts'
import type { Home } from './home.ts'

export interface AppSurroundings {
  home: Home
  ports: Ports
  secrets: Secrets
  /** URLs with which the apps sign in to their databases. */
  databaseUrls: Record<DatabaseApp, string>
  /** The environment of the person who started the stack. */
  user: Readonly<Record<string, string | undefined>>
}

const passedThrough =
  /^(RATE_LIMIT_[A-Z_]+|LOG_LEVEL|METRICS_TOKEN|CORS_ORIGINS|REDIS_URL|OUTBOUND_PRIVATE_NETWORKS|AUDIT_(?:ORIGIN|RETENTION_DAYS|DEAD_LETTER_DAYS|ANCHOR_[A-Z]+|WITNESSES)|MEMORIC_[A-Z_]+|NODE_COMPILE_CACHE)$/

/** The keys of the endpoints are for the app that asks them. */
const passedToMemory = /^(EMBEDDINGS|TEXT_MODEL|SEARCH|QUOTA)_[A-Z_]+$/

/**
 * The whole environment of an app: a few variables of the person who starts it, by name, then what the stack decides. What the
 * stack gives as a file cannot be given as a value beside it.
 */
export function appEnvironment(app: App, surroundings: AppSurroundings): Record<string, string> {
  const own = {
    ...common(app, surroundings),
    ...(app === 'gateway' && upstreams(surroundings.ports)),
    ...(app !== 'memory' && { PUBLIC_URL: `http://127.0.0.1:${surroundings.ports.gateway}` }),
    ...((app === 'auth' || app === 'audit') && { MAIL_DIRECTORY: surroundings.home.mail }),
    ...(app === 'auth' && { MEMORIC_ENV: 'local' }),
  }
  const inherited = Object.entries(surroundings.user).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      (passedThrough.test(entry[0]) || (app === 'memory' && passedToMemory.test(entry[0]))) &&
      !Object.hasOwn(own, `${entry[0]}_FILE`),
  )
  return { PATH: surroundings.user.PATH ?? '', ...runtimeSettings, ...Object.fromEntries(inherited), ...own }
}

function common(app: App, { home, ports, secrets, databaseUrls }: AppSurroundings): Record<string, string> {
  const files = Object.entries(appSecretFiles(app)).map(([variable, name]) => [
    `${variable}_FILE`,
    secretFile(home.secrets, name),
  ])
  return {
    HOST: '127.0.0.1',
    PORT: String(ports[app]),
    NATS_URL: `nats://127.0.0.1:${ports.nats}`,
    NATS_USER: app,
    ...appSecretTexts(app, secrets, databaseUrls),
    ...(Object.fromEntries(files) as Record<string, string>), // Pairs of texts.
  }
}

function upstreams(ports: Ports): Record<string, string> {
  return Object.fromEntries(databaseApps.map((app) => [`${app.toUpperCase()}_URL`, `http://127.0.0.1:${ports[app]}`]))
}

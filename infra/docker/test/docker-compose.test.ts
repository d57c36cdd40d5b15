import { readFileSync } from 'node:fs'
import { type App, appSecretFiles, appSecretTexts, apps } from '@memoric/setup/app-secrets.ts'
import { runtimeSettings } from '@memoric/setup/runtime-settings.ts'
import type { Secrets } from '@memoric/setup/secrets.ts'
import { describe, expect, test } from 'vitest'
import { compose, composeText, type Service, service } from './compose-file.ts'

const servers = ['postgres', 'nats']
const oneShots = ['secrets', 'prepare', 'first-tenant']
const names = Object.keys(compose.services)

test('there are the four apps, their servers, and what prepares them', () => {
  expect(names.sort()).toEqual([...apps, ...servers, ...oneShots].sort())
})

describe.each(names)('%s', (name) => {
  const { [name]: found = {} } = compose.services

  test('cannot write to its image, has no capability and cannot gain one', () => {
    expect(found.read_only).toBe(true)
    expect(found.cap_drop).toEqual(['ALL'])
    expect(found.cap_add).toBeUndefined()
    expect(found.privileged).toBeUndefined()
    expect(found.security_opt).toContain('no-new-privileges:true')
  })

  test('is not root', () => {
    expect(found.user).toBe(name === 'postgres' ? 'postgres' : '1000:1000')
  })

  test('can use up neither the memory nor the processes of the machine', () => {
    expect(found.mem_limit).toMatch(/^\d+[mg]$/)
    expect(found.pids_limit).toBeLessThanOrEqual(300)
  })

  test('has an image of a known version', () => {
    expect(found.image).toMatch(/^(postgres:18|nats:2|memoric:\$\{MEMORIC_VERSION:-dev\})$/)
  })

  test('publishes no port unless it is the gateway, and that one to this machine only', () => {
    expect(found.ports ?? []).toEqual(name === 'gateway' ? ['127.0.0.1:${PORT:-3456}:3456'] : [])
    expect(found.network_mode).toBe(name === 'secrets' ? 'none' : undefined)
  })

  test('comes back when it dies, and ends when its work is done', () => {
    expect(found.restart).toMatch(oneShots.includes(name) ? /^on-failure/ : /^unless-stopped$/)
  })

  test('does not fail `up --wait` by ending: another waits for its end, or it can be asked whether it is done', () => {
    const waitsForEnd = ({ depends_on = {} }: Service) =>
      depends_on[name]?.condition === 'service_completed_successfully'
    const isWaitedFor = Object.values(compose.services).some(waitsForEnd)
    expect(isWaitedFor || found.healthcheck?.disable !== true).toBe(true)
  })

  test('mounts nothing of the machine', () => {
    for (const volume of found.volumes ?? []) {
      expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0])
    }
  })
})

test('no secret stands in the file', () => {
  for (const found of Object.values(compose.services)) {
    for (const [variable, value] of Object.entries(found.environment ?? {})) {
      if (/PASSWORD|_KEY|PEPPER|SECRET|TOKEN|DATABASE_URL|HASHES/.test(variable) && variable !== 'METRICS_TOKEN') {
        expect(variable).toMatch(/_FILE$/)
        expect(value).toMatch(/^\/secrets\//)
      }
    }
  }
  expect(composeText).not.toMatch(/:\/\/[^/\s]*:[^/\s]*@/)
  expect(service('auth').environment?.METRICS_TOKEN).toBe('${METRICS_TOKEN:-}')
})

const secrets: Secrets = {
  postgresPassword: '',
  ownerPassword: '',
  natsPasswords: { auth: '', memory: '', audit: '', gateway: '', admin: '' },
  appPasswords: { auth: '', memory: '', audit: '' },
}
const urls = { auth: '', memory: '', audit: '' }

describe.each<App>([...apps])('%s', (app) => {
  const found = service(app)

  test('is healthy when it is ready', () => {
    expect(found.healthcheck?.test).toEqual(['CMD', 'node', 'infra/docker/health.mjs', '/ready'])
  })

  test('reads every secret that it is given, and no other, from its own volume', () => {
    const given = [...Object.keys(appSecretFiles(app)), ...Object.keys(appSecretTexts(app, secrets, urls))]
    const read = Object.entries(found.environment ?? {}).filter(([variable]) => variable.endsWith('_FILE'))
    expect(Object.fromEntries(read)).toEqual(
      Object.fromEntries(given.map((variable) => [`${variable}_FILE`, `/secrets/${app}/${variable}`])),
    )
    expect(found.volumes).toEqual([`secrets-${app}:/secrets/${app}:ro`])
  })

  test('obeys the rules of production', () => {
    expect(found.environment).toMatchObject({ NODE_ENV: 'production', MEMORIC_PRIVATE_NETWORK: 'true' })
  })

  test('starts after what it cannot do without', () => {
    const conditions = Object.values(found.depends_on ?? {}).map(({ condition }) => condition)
    expect(conditions).toContain(app === 'gateway' ? 'service_healthy' : 'service_completed_successfully')
  })
})

test('PostgreSQL is reached only by those who have a database, over a network without a way out', () => {
  const members = names.filter((name) => Object.keys(networksOf(name)).includes('postgres'))
  expect(members.sort()).toEqual(['audit', 'auth', 'memory', 'postgres', 'prepare'])
  expect(Object.keys(networksOf('postgres'))).toEqual(['postgres'])
  expect(compose.networks.postgres?.internal).toBe(true)
})

test('PostgreSQL is asked whether it is ready', () => {
  expect(service('postgres').healthcheck?.test).toContain('pg_isready')
})

test('the one place that keeps every secret is seen by nobody but the one who makes them', () => {
  const users = names.filter((name) => service(name).volumes?.some((volume) => volume.startsWith('secrets:')))
  expect(users).toEqual(['secrets'])
})

describe('the image', () => {
  const dockerfile = readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8')

  test('runs as a user that is not root, named by number', () => {
    expect(dockerfile.match(/^USER .*/gm)).toEqual(['USER 1000:1000'])
  })

  test('runs Node as the local stack does', () => {
    for (const [name, value] of Object.entries(runtimeSettings)) {
      expect(dockerfile.replaceAll('"', '')).toContain(` ${name}=${value}`)
    }
  })

  test('holds what the lock file says, with the package manager that the workspace names', () => {
    const root: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
    const version = /npx -y (pnpm@[\d.]+) install --frozen-lockfile --prod/.exec(dockerfile)?.[1]
    expect(root).toMatchObject({ packageManager: version })
  })

  test('has a folder with the right owner for every volume that is first mounted in it', () => {
    for (const volume of service('secrets').volumes ?? []) {
      expect(dockerfile).toMatch(new RegExp(`install -d -o node -g node [^&]*${volume.split(':')[1] ?? ''}\\b`))
    }
  })
})

function networksOf(name: string): Record<string, unknown> {
  const { networks = [] } = service(name)
  return Array.isArray(networks) ? Object.fromEntries(networks.map((network) => [network, {}])) : networks
}

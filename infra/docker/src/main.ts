import { writeFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { FirstTenantState } from '@memoric/setup/create-first-tenant.ts'
import { parseServiceKeysRequest, runServiceKeys } from '@memoric/setup/service-keys/service-keys-command.ts'
import { handOutSecrets, handOutServiceKeys } from './hand-out-secrets.ts'
import { publishFirstTenant } from './publish-first-tenant.ts'

const places = { folder: '/var/lib/memoric/secrets', given: '/secrets' }

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const firstTenantIs: Readonly<Record<FirstTenantState, string>> = {
  made: 'Made the first tenant, its owner and an API key',
  there: 'The first tenant is there',
  'key ended': 'The first tenant is there; its first API key was revoked or has expired, and no other is made',
}
/** `docker compose up --wait` fails when a container that no other waits for ends before it was seen to be healthy. */
const SEEN_MS = 10_000

const commands: Readonly<Record<string, () => Promise<void>>> = {
  async secrets() {
    const { POSTGRES_ADDRESS: postgres = 'postgres:5432' } = process.env
    await handOutSecrets({ ...places, postgres })
    say('Everybody has its secrets.')
  },
  async 'service-keys'() {
    const keys = { folder: places.folder, handOut: () => handOutServiceKeys(places) }
    await runServiceKeys(keys, parseServiceKeysRequest(process.argv.slice(3)), say)
  },
  async 'first-tenant'() {
    const { GATEWAY_URL: gatewayUrl = 'http://gateway:3456', PUBLIC_URL: publicUrl = gatewayUrl } = process.env
    const state = await publishFirstTenant({ folder: '/credentials', gatewayUrl, publicUrl })
    say(`${firstTenantIs[state]}: /credentials/credentials.json`)
    await writeFile('/tmp/done', '')
    await setTimeout(SEEN_MS)
  },
}

try {
  const command = commands[process.argv[2] ?? '']
  if (command === undefined)
    throw new Error(`Usage: node infra/docker/src/main.ts ${Object.keys(commands).join(' | ')}`)
  await command()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

import { handOutSecrets } from './hand-out-secrets.ts'
import { publishFirstTenant } from './publish-first-tenant.ts'

const commands: Readonly<Record<string, () => Promise<string>>> = {
  async secrets() {
    const { POSTGRES_ADDRESS: postgres = 'postgres:5432' } = process.env
    await handOutSecrets({ folder: '/var/lib/memoric/secrets', given: '/secrets', postgres })
    return 'Everybody has its secrets.'
  },
  async 'first-tenant'() {
    const { GATEWAY_URL: gatewayUrl = 'http://gateway:3456', PUBLIC_URL: publicUrl = gatewayUrl } = process.env
    const made = await publishFirstTenant({ folder: '/credentials', gatewayUrl, publicUrl })
    return `${made ? 'Made the first tenant, its owner and an API key' : 'The first tenant is there'}: /credentials/credentials.json`
  },
}

try {
  const command = commands[process.argv[2] ?? '']
  if (command === undefined)
    throw new Error(`Usage: node infra/docker/src/main.ts ${Object.keys(commands).join(' | ')}`)
  process.stdout.write(`${await command()}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

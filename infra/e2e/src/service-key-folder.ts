import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AppName } from '@memoric/contracts/route.ts'
import { parseServiceKey, type ServiceKey } from '@memoric/crypto/service-key.ts'
import { hashesFileName, keyFileName } from '@memoric/setup/service-keys/service-key-files.ts'
import { ensureGatewayKeys } from '@memoric/setup/service-keys/service-keys.ts'
import { type Environment, SERVICES, type ServiceName } from './stack-settings.ts'

/** A folder of secrets with service keys, one for each pair, as a real installation has it. */
export interface ServiceKeyFolder {
  readonly path: string
  /** What makes an app of the stack follow the files of the folder. */
  readonly overrides: (app: AppName) => Environment
  /** The key with which `caller` calls `app` now. */
  readonly keyOf: (caller: string, app: ServiceName) => Promise<ServiceKey>
  readonly remove: () => Promise<void>
}

/** Makes the folder, with keys of the gateway for every service. */
export async function createServiceKeyFolder(): Promise<ServiceKeyFolder> {
  const path = await mkdtemp(join(tmpdir(), 'memoric-e2e-keys-'))
  await ensureGatewayKeys(path, SERVICES)
  return {
    path,
    overrides: (app) =>
      app === 'gateway' ? gatewayFiles(path) : fileInsteadOf('SERVICE_KEY_HASHES', path, hashesFileName(app)),
    async keyOf(caller, app) {
      const key = parseServiceKey((await readFile(join(path, keyFileName({ caller, app })), 'utf8')).trim())
      if (key === null) throw new Error(`the key of ${caller} for ${app} is damaged`)
      return key
    },
    remove: () => rm(path, { recursive: true }),
  }
}

function gatewayFiles(folder: string): Environment {
  const files = SERVICES.map((app) =>
    fileInsteadOf(`${app.toUpperCase()}_SERVICE_KEY`, folder, keyFileName({ caller: 'gateway', app })),
  )
  return Object.assign({}, ...files) as Environment // Each is one.
}

/** A variable cannot be given both ways. */
function fileInsteadOf(variable: string, folder: string, name: string): Environment {
  return { [variable]: '', [`${variable}_FILE`]: join(folder, name) }
}

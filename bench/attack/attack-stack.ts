import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseServiceKey, type ServiceKey } from '@memoric/crypto/service-key.ts'
import { readPorts } from '@memoric/local/choose-ports.ts'
import { freePort } from '@memoric/local/free-port.ts'
import { type Home, homeAt } from '@memoric/local/home.ts'
import { operatorEnvironment } from '@memoric/local/operator-environment.ts'
import { startStack } from '@memoric/local/stack.ts'
import { appMain } from '@memoric/local/start-app.ts'
import { readIssuerKey } from './issuer-key.ts'
import { SERVICES, type ServiceName, type StackUnderAttack } from './target.ts'

export interface AttackSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly say: (line: string) => void
  readonly signal: AbortSignal
  /** Takes what has to be undone at the end, newest first. */
  readonly undo: (step: () => Promise<void>) => void
}

const programs = fileURLToPath(new URL('../../node_modules/.cache/memoric-testkit', import.meta.url))

/** Limits are not what is attacked here; every line of the log is. */
const settings = {
  RATE_LIMIT_ANONYMOUS_MAX: '1000000',
  RATE_LIMIT_AUTH_MAX: '1000000',
  RATE_LIMIT_MAX: '1000000',
  RATE_LIMIT_WRITE_MAX: '1000000',
  RATE_LIMIT_TENANT_MAX: '1000000',
  LOG_LEVEL: 'debug',
}

/** Starts everything that `npm start` starts, in a temporary home. */
export async function startAttackStack(surroundings: AttackSurroundings): Promise<StackUnderAttack> {
  const { environment, say, signal, undo } = surroundings
  const folder = await mkdtemp(join(tmpdir(), 'memoric-attack-'))
  undo(() => rm(folder, { recursive: true, force: true }))
  const home = { ...homeAt(folder), programs }
  const port = await freePort()
  await startStack({ home, port, appMain, user: { ...environment, ...settings }, say, signal }, undo)
  const ports = await readPorts(home.ports)
  return {
    port,
    servicePorts: { auth: ports.auth, memory: ports.memory, audit: ports.audit },
    serviceKeys: await readServiceKeys(home),
    issuer: await readIssuerKey(await operatorEnvironment('auth', home, {})),
    logLines: () => readLog(home),
    mailsTo: (address) => readMails(home.mail, address),
  }
}

async function readServiceKeys({ secrets }: Home): Promise<Record<ServiceName, ServiceKey>> {
  const read = async (name: ServiceName): Promise<readonly [ServiceName, ServiceKey]> => {
    const key = parseServiceKey((await readFile(join(secrets, `gateway-to-${name}.key`), 'utf8')).trim())
    if (key === null) throw new Error(`the service key for ${name} is damaged`)
    return [name, key]
  }
  return Object.fromEntries(await Promise.all(SERVICES.map(read))) as Record<ServiceName, ServiceKey> // All of them.
}

async function readLog({ logs }: Home): Promise<string[]> {
  const files = [...SERVICES, 'gateway'].map((app) => readFile(join(logs, `${app}.log`), 'utf8'))
  return (await Promise.all(files)).flatMap((text) => text.split('\n')).filter((line) => line !== '')
}

/** Mails that lie in a folder, one a file, whose names sort by time. */
export async function readMails(folder: string, address: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml')).toSorted()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.filter((text) => text.includes(`\nTo: ${address}\n`))
}

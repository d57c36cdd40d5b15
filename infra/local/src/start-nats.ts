import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ServerProcess, startProcess } from './server-process.ts'

export interface NatsOptions {
  /** The program nats-server. */
  program: string
  configFile: string
  /** JetStream's files; made on first use. */
  storeDir: string
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  port: number
  /** Variables that the configuration names: passwords. Nothing else is inherited. */
  env: Record<string, string>
  log?: (line: string) => void
}

export interface RunningNats {
  /** `nats://127.0.0.1:<port>`, without credentials. */
  url: string
  port: number
  pid: number
  /** Resolves with the exit code, null after a signal. */
  exited: Promise<number | null>
  signal: (name: NodeJS.Signals) => void
  /** Graceful; killed after 5 s. */
  stop: () => Promise<void>
}

/** Starts nats-server on 127.0.0.1. Throws with the server's own words when it cannot start. */
export async function startNats(options: NatsOptions): Promise<RunningNats> {
  const { program, configFile, storeDir, env, log = () => undefined } = options
  const portsDir = join(storeDir, 'ports')
  await mkdir(portsDir, { recursive: true, mode: 0o700 })
  for (const old of await readdir(portsDir)) await rm(join(portsDir, old))
  const said: string[] = []
  const remember = (line: string) => {
    if (said.length < 50) said.push(line)
    log(line)
  }
  const port = ['--addr', '127.0.0.1', '--port', String(options.port === 0 ? -1 : options.port)]
  const args = ['--config', configFile, '--jetstream', '--ports_file_dir', portsDir, ...port]
  const server = await startProcess({
    program,
    args,
    env: { ...env, NATS_STORE_DIR: JSON.stringify(storeDir) },
    log: remember,
  })
  const url = await listeningUrl(server, portsDir)
  if (url === undefined) throw new Error(`nats-server did not start:\n${said.join('\n')}`)
  const { pid, exited, signal } = server
  return { url, port: Number(new URL(url).port), pid, exited, signal, stop: () => stopNats(server) }
}

/** The server writes where it listens into a file once it does. */
async function listeningUrl(server: ServerProcess, portsDir: string): Promise<string | undefined> {
  while (server.running()) {
    const [name] = (await readdir(portsDir)).filter((file) => file.endsWith('.ports'))
    const url = name === undefined ? undefined : parsePorts(await readFile(join(portsDir, name), 'utf8'))
    if (url !== undefined) return url
    await sleep(5)
  }
  return undefined
}

function parsePorts(text: string): string | undefined {
  return /nats:\/\/[^"]+:\d+/.exec(text)?.[0]
}

async function stopNats(server: ServerProcess): Promise<void> {
  server.signal('SIGCONT')
  await server.stop([['SIGTERM', 5_000]])
}

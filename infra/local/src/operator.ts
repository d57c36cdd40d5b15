import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { outliveReader } from '@memoric/service/outlive-reader.ts'
import type { DatabaseApp } from '@memoric/setup/secrets.ts'
import { homeAt } from './home.ts'
import { NATS_USER_USAGE, runNatsUser } from './nats-users.ts'
import { operatorEnvironment } from './operator-environment.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
/** What is about memories and their keys is for the memory service, what is about the log for audit, everything else for auth. */
const OF_MEMORY = ['embeddings', 'import', 'import-python', 'index', 'keys', 'policies', 'quota', 'receipt-key']
const OF_AUDIT = ['audit', 'audit-key']
const args = process.argv.slice(2)

async function main(): Promise<number> {
  if (args[0] === 'nats-user' && args[1] !== 'note') return natsUser()
  if (args[0] !== 'help' && args.length > 0) return run(appOf(args[0] ?? ''))
  const code = await run('auth')
  for (const line of NATS_USER_USAGE) process.stdout.write(`${line}\n`)
  return args.length === 0 ? code : Math.max(code, await run('memory'), await run('audit'))
}

function appOf(word: string): DatabaseApp {
  if (OF_AUDIT.includes(word)) return 'audit'
  return OF_MEMORY.includes(word) ? 'memory' : 'auth'
}

/** The configuration of NATS is here; that it changes goes into the log first. */
async function natsUser(): Promise<number> {
  const home = homeAt(process.env.MEMORIC_HOME ?? `${repository}.memoric`)
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const note = async (what: string, tenantId: string, publicKey: string) => {
    const code = await run('auth', ['nats-user', 'note', what, tenantId, publicKey])
    if (code !== 0) throw new Error('Nothing was changed.')
  }
  await runNatsUser(args.slice(1), { home, say, note })
  return 0
}

/** Runs the operator command of an app as the stack of this home runs the app itself, in the folder of the person who asks. */
async function run(app: DatabaseApp, words: readonly string[] = args): Promise<number> {
  const home = homeAt(process.env.MEMORIC_HOME ?? `${repository}.memoric`)
  const env = await operatorEnvironment(app, home, process.env)
  const program = `${repository}apps/${app}/src/operator/main.ts`
  const cwd = process.env.INIT_CWD ?? process.cwd()
  const child = spawn(process.execPath, [program, ...words], { env, cwd, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

outliveReader(process.stdout)
try {
  process.exitCode = await main()
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
}

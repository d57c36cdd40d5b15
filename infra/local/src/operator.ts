import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { homeAt } from './home.ts'
import { operatorEnvironment } from './operator-environment.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
/** Search indexes are the memory service's, everything else is for auth. */
const app = process.argv[2] === 'index' ? 'memory' : 'auth'
const program = `${repository}apps/${app}/src/operator/main.ts`

/** Runs the operator command of an app as the stack of this home runs the app itself. */
async function main(): Promise<number> {
  const home = homeAt(process.env.MEMORIC_HOME ?? `${repository}.memoric`)
  const env = await operatorEnvironment(app, home, process.env)
  const child = spawn(process.execPath, [program, ...process.argv.slice(2)], { env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
}

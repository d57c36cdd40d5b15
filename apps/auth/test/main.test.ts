import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { processSettings, randomKey } from './auth-settings.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const started: Auth[] = []
afterEach(() => {
  for (const { kill } of started.splice(0)) kill()
})

interface Auth {
  readonly output: () => string
  readonly exitCode: Promise<unknown>
  readonly stop: () => void
  readonly kill: () => void
}

/** Starts auth as a process of its own. */
function startProcess(more: Record<string, string> = {}): Auth {
  const env = { ...processSettings, ...auth.settings(), PORT: '0', LOG_LEVEL: 'info', ...more }
  const child = spawn(process.execPath, ['--disable-warning=FSTDEP023', program], { env })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  child.stderr.on('data', (chunk) => (text += String(chunk)))
  const process_ = {
    output: () => text,
    exitCode: once(child, 'exit').then(([code]) => code as unknown),
    stop: () => void child.kill('SIGTERM'),
    kill: () => void child.kill('SIGKILL'),
  }
  started.push(process_)
  return process_
}

const address = (output: string) => /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]

test('the process serves its keys, and ends in order when it is told to', async () => {
  const running = startProcess()
  await expect.poll(() => address(running.output()), { timeout: 15_000 }).toBeDefined()
  const answer = await fetch(`${address(running.output())!}/.well-known/jwks.json`)
  expect(await answer.json()).toEqual(auth.deps.accessTokens.jwks())
  running.stop()
  expect(await running.exitCode).toBe(0)
})

test('with another key encryption key the process ends, and says why', async () => {
  const running = startProcess({ MEMORIC_ENCRYPTION_KEY: randomKey() })
  expect(await running.exitCode).toBe(1)
  expect(running.output()).toContain('Start with the key that the database was made with')
})

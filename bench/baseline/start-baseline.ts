import { fileURLToPath } from 'node:url'
import { freePort } from '@memoric/local/free-port.ts'
import { startProcess } from '@memoric/local/server-process.ts'
import { waitReady } from '@memoric/local/wait-ready.ts'
import { baselineUrl, createBaselineDatabase } from './schema.ts'

export interface Baseline {
  readonly url: string
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** Makes the baseline's database and starts its app as a process of its own. */
export async function startBaseline(adminUrl: string, signal: AbortSignal): Promise<Baseline> {
  await createBaselineDatabase(adminUrl)
  const port = await freePort()
  const said: string[] = []
  const { pid, stop } = await startProcess({
    program: process.execPath,
    args: [fileURLToPath(new URL('main.ts', import.meta.url))],
    env: { DATABASE_URL: baselineUrl(adminUrl), PORT: String(port) },
    log: (line) => void said.push(line),
  })
  const url = `http://127.0.0.1:${port}`
  try {
    await waitReady({ url: `${url}/ready`, patience: 20_000, signal })
  } catch (cause) {
    await stop([['SIGKILL', 1000]])
    throw new Error(`The baseline does not start:\n${said.join('\n')}`, { cause })
  }
  return { url, pid, stop: () => stop([['SIGTERM', 5000]]) }
}

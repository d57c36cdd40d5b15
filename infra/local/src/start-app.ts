import { fileURLToPath } from 'node:url'
import type { App } from '@memoric/setup/app-secrets.ts'
import { appEnvironment, type AppSurroundings } from './app-environment.ts'
import { openLog } from './log-file.ts'
import { startProcess } from './server-process.ts'
import type { Running } from './supervise.ts'

/** Longer than an app may take to finish its requests (25 s). */
const patience = 27_000

/** The program of an app. */
export function appMain(app: App): string {
  return fileURLToPath(new URL(`../../../apps/${app}/src/main.ts`, import.meta.url))
}

/** Starts one app of this repository; what it prints goes to its log. */
export async function startApp(app: App, main: string, surroundings: AppSurroundings): Promise<Running> {
  const log = await openLog(surroundings.home.logs, app)
  try {
    const env = appEnvironment(app, surroundings)
    const { pid, exited, stop } = await startProcess({ program: process.execPath, args: [main], env, output: log.fd })
    return { pid, exited, stop: () => stop([['SIGTERM', patience]]) }
  } finally {
    await log.close()
  }
}

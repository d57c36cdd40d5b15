import { freePort } from '@memoric/local/free-port.ts'
import { afterAll, beforeAll } from 'vitest'
import { type ApiClient, createApiClient } from './api-client.ts'
import { type RunningApp, startApp } from './start-app.ts'
import type { Stack } from './use-stack.ts'

/** Another gateway before the services of a stack, with a client of its own that can be used from `beforeAll` on. */
export function useAnotherGateway(stack: Stack): { readonly api: ApiClient } {
  let running: RunningApp | undefined
  let api: ApiClient | undefined
  beforeAll(async () => {
    const port = await freePort()
    const environment = { ...stack.settings.environments.gateway, PORT: String(port) }
    running = await startApp('gateway', environment, (line) => stack.log.push(line))
    api = createApiClient(`http://127.0.0.1:${port}`)
  })
  afterAll(async () => {
    await api?.close()
    await running?.stop()
  })
  return {
    get api() {
      if (api === undefined) throw new Error('useAnotherGateway: it runs from beforeAll on')
      return api
    },
  }
}

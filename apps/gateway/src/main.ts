import { loadConfig } from '@memoric/service/config.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { checkProduction } from '@memoric/service/production-rules.ts'
import { run, start } from '@memoric/service/run.ts'
import { buildApp } from './app.ts'
import { gatewayConfig } from './config.ts'
import { createDeps } from './deps.ts'
import { startedEvent } from './telling/tell-auth.ts'

await start('gateway', async () => {
  const config = loadConfig(gatewayConfig, process.env)
  checkProduction(config, 'public')
  const log = createLogger({ app: 'gateway', level: config.LOG_LEVEL })
  const deps = await createDeps(config, log)
  const app = await buildApp(config, deps)
  const system = {
    started() {
      deps.teller.tell(startedEvent(config))
      return Promise.resolve()
    },
    stopped() {
      deps.teller.tell({ kind: 'stopped' })
      return Promise.resolve()
    },
  }
  await run({ app, closer: deps.closer, host: config.HOST, port: config.PORT, log, system })
})

import { createSystemStore } from '@memoric/postgres/system-store.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { checkProduction } from '@memoric/service/production-rules.ts'
import { run, start } from '@memoric/service/run.ts'
import { createSystemEvents } from '@memoric/service/system-events.ts'
import { buildApp } from './app.ts'
import { authConfig } from './config.ts'
import { createDeps } from './deps.ts'

await start('auth', async () => {
  const config = loadConfig(authConfig, process.env)
  checkProduction(config, 'internal')
  const log = createLogger({ app: 'auth', level: config.LOG_LEVEL })
  const deps = await createDeps(config, log)
  const app = await buildApp(config, deps)
  const system = createSystemEvents({
    app: 'auth',
    config,
    key: config.PERSONAL_DATA_KEY,
    events: deps.events,
    store: createSystemStore(deps.sql, 'auth'),
    wakeRelay: () => deps.relay.wake(),
    log,
  })
  await run({ app, closer: deps.closer, host: config.HOST, port: config.PORT, log, system })
})

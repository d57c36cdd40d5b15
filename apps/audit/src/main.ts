import { createSystemStore } from '@memoric/postgres/system-store.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { checkProduction } from '@memoric/service/production-rules.ts'
import { run, start } from '@memoric/service/run.ts'
import { createSystemEvents } from '@memoric/service/system-events.ts'
import { buildApp } from './app.ts'
import { auditConfig } from './config.ts'
import { createDeps } from './deps.ts'

await start('audit', async () => {
  const config = loadConfig(auditConfig, process.env)
  checkProduction(config, 'internal')
  const log = createLogger({ app: 'audit', level: config.LOG_LEVEL })
  const deps = await createDeps(config, log)
  const app = await buildApp(config, deps)
  const system = createSystemEvents({
    app: 'audit',
    config,
    key: config.PERSONAL_DATA_KEY,
    events: deps.events,
    store: createSystemStore(deps.sql, 'audit'),
    wakeRelay: deps.wakeRelay,
    log,
  })
  await run({ app, closer: deps.closer, host: config.HOST, port: config.PORT, log, system })
})

import { loadConfig } from '@memoric/service/config.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { checkProduction } from '@memoric/service/production-rules.ts'
import { run, start } from '@memoric/service/run.ts'
import { buildApp } from './app.ts'
import { memoryConfig } from './config.ts'
import { createDeps } from './deps.ts'

await start('memory', async () => {
  const config = loadConfig(memoryConfig, process.env)
  checkProduction(config, 'internal')
  const log = createLogger({ app: 'memory', level: config.LOG_LEVEL })
  const deps = await createDeps(config, log)
  const app = await buildApp(config, deps)
  await run({ app, closer: deps.closer, host: config.HOST, port: config.PORT, log })
})

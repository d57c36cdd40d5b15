import type { AppName } from '@memoric/contracts/route.ts'
import { buildApp as buildAudit } from '@memoric/app-audit/app.ts'
import { auditConfig } from '@memoric/app-audit/config.ts'
import { createDeps as createAuditDeps } from '@memoric/app-audit/deps.ts'
import { buildApp as buildAuth } from '@memoric/app-auth/app.ts'
import { authConfig } from '@memoric/app-auth/config.ts'
import { createDeps as createAuthDeps } from '@memoric/app-auth/deps.ts'
import { buildApp as buildGateway } from '@memoric/app-gateway/app.ts'
import { gatewayConfig } from '@memoric/app-gateway/config.ts'
import { createDeps as createGatewayDeps } from '@memoric/app-gateway/deps.ts'
import { buildApp as buildMemory } from '@memoric/app-memory/app.ts'
import { memoryConfig } from '@memoric/app-memory/config.ts'
import { createDeps as createMemoryDeps } from '@memoric/app-memory/deps.ts'
import type { Closer } from '@memoric/service/closer.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createLogger, type Logger } from '@memoric/service/logger.ts'
import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import type { Environment } from './stack-settings.ts'

/** An app that runs, here or in a process of its own. */
export interface RunningApp {
  stop(): Promise<void>
}

/** Takes the lines that an app logs, JSON each. */
export type LogSink = (line: string) => void

type Start = (environment: Environment, sink: LogSink) => Promise<RunningApp>

interface Parts<S extends z.ZodObject, D> {
  readonly schema: S
  readonly createDeps: (config: z.output<S>, log: Logger) => D | Promise<D>
  readonly buildApp: (config: z.output<S>, deps: D) => Promise<FastifyInstance>
}

/** The apps as their main.ts puts them together. */
const starts: Readonly<Record<AppName, Start>> = {
  auth: starter('auth', { schema: authConfig, createDeps: createAuthDeps, buildApp: buildAuth }),
  memory: starter('memory', { schema: memoryConfig, createDeps: createMemoryDeps, buildApp: buildMemory }),
  audit: starter('audit', { schema: auditConfig, createDeps: createAuditDeps, buildApp: buildAudit }),
  gateway: starter('gateway', { schema: gatewayConfig, createDeps: createGatewayDeps, buildApp: buildGateway }),
}

/** Starts an app inside this process. Rejects when it may not start. */
export function startApp(app: AppName, environment: Environment, sink: LogSink): Promise<RunningApp> {
  return starts[app](environment, sink)
}

function starter<S extends z.ZodObject, D extends { readonly closer: Closer }>(
  app: AppName,
  parts: Parts<S, D>,
): Start {
  return async (environment, sink) => {
    const config = loadConfig(parts.schema, environment)
    const log = createLogger({ app, level: environment['LOG_LEVEL'] ?? 'info', destination: { write: sink } })
    const deps = await parts.createDeps(config, log)
    const server = await parts.buildApp(config, deps)
    await server.listen({ host: '127.0.0.1', port: Number(environment['PORT']) })
    return {
      async stop() {
        await server.close()
        await deps.closer.close()
      },
    }
  }
}

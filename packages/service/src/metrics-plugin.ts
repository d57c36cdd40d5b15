import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { requireToken } from './health-plugin.ts'

export interface MetricsOptions {
  readonly app: string
  /** Bearer token that opens /metrics; without it there is no such address. */
  readonly token?: string | undefined
  /** Figures that are read when somebody asks, by name. */
  readonly gauges?: Readonly<Record<string, { help: string; read: () => number | Promise<number> }>>
  /** Sums since the process started, by their labels. */
  readonly counters?: Readonly<Record<string, CounterSource>>
}

export interface CounterSource {
  readonly help: string
  readonly labelNames: readonly string[]
  readonly read: () => Iterable<{ readonly labels: Readonly<Record<string, string>>; readonly value: number }>
}

/** Serves /metrics in the Prometheus format: the process, the requests, and the figures of the app. */
export function useMetrics(app: FastifyInstance, options: MetricsOptions): void {
  const { app: name, token, gauges = {}, counters = {} } = options
  const registry = new Registry()
  registry.setDefaultLabels({ app: name })
  collectDefaultMetrics({ register: registry })
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [registry],
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    durations.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
    done()
  })
  for (const [gauge, { help, read }] of Object.entries(gauges)) {
    new Gauge({
      name: gauge,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })
  }
  for (const [counter, source] of Object.entries(counters)) addCounter(registry, counter, source)
  app.get('/metrics', async (request, reply) => {
    requireToken(request, token)
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}

function addCounter(registry: Registry, name: string, { help, labelNames, read }: CounterSource): void {
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, value } of read()) this.inc(labels, value)
    },
  })
}

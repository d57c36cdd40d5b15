import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { ClosingLineReporter } from './packages/testkit/src/closing-line-reporter.ts'

/** Most tests wait for servers: two workers keep even two processors busy. */
const maxWorkers = Math.max(2, Math.floor(availableParallelism() / 2))

// Two projects: pure packages need no servers; the rest share one PostgreSQL per run and have a NATS per file.
export default defineConfig({
  test: {
    maxWorkers,
    reporters: [['default', { summary: false }], new ClosingLineReporter()],
    projects: [
      {
        test: {
          name: 'pure',
          include: ['packages/{contracts,crypto,service}/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'servers',
          include: ['{apps,infra}/*/test/**/*.test.ts', 'packages/{postgres,messaging,testkit}/test/**/*.test.ts'],
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})

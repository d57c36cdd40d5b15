import { defineConfig } from 'vitest/config'

// Two projects: pure packages need no servers; the rest share one PostgreSQL and one NATS per run.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'pure',
          include: ['packages/{contracts,crypto,service}/test/**/*.test.ts'],
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

/**
 * How Node runs an app: a young generation of 4 MiB and few helper threads keep an idle app small without slowing a busy one;
 * `gc` lets it give back what its start left behind.
 */
export const runtimeSettings: Readonly<Record<string, string>> = {
  NODE_OPTIONS: '--max-semi-space-size=4 --v8-pool-size=2 --expose-gc',
  MALLOC_ARENA_MAX: '2',
}

// Whether the app in this container answers: /health, or the path given.
const path = process.argv[2] ?? '/health'
const url = `http://127.0.0.1:${process.env.PORT ?? 3456}${path}`
const ok = await fetch(url, { signal: AbortSignal.timeout(4000) }).then(
  (response) => response.ok,
  () => false,
)
process.exit(ok ? 0 : 1)

import { INTROSPECT_PATH } from '@memoric/contracts/introspection.ts'
import { createPasswordHasher } from '@memoric/crypto/passwords.ts'
import { parseApiKey } from '@memoric/crypto/api-key.ts'
import { runClosedLoop } from '../load/closed-loop.ts'
import { get, post } from '../load/requests.ts'
import { type Measurement, quantile } from '../measure/measurement.ts'
import { measureLoad } from '../measure/measure-load.ts'
import type { Bench } from './bench.ts'
import { apiKeyOf, type Load, stackMeasure } from './make-measure.ts'
import { memoryIds } from './read-rows.ts'
import type { Measure, Row, RowPlan } from './row.ts'

const READERS = 4
const SIGNING_IN = 500

export const authPlans: readonly RowPlan[] = [
  { name: 'key-check', prepare: (bench) => Promise.resolve(keyCheckRow(bench)) },
  { name: 'login', prepare: (bench) => Promise.resolve(loginRow(bench)) },
  { name: 'crowd', prepare: crowdRow },
]

/** What the gateway asks of auth when it has not seen a key lately. */
function keyCheckRow(bench: Bench): Row {
  const key = parseApiKey(bench.stack.credentials.api_key)
  if (key === null) throw new Error('The API key of the stack is damaged')
  const question = { kind: 'api_key', key_id: key.keyId, secret: key.secret }
  const next = () => bench.asGateway('auth', post(INTROSPECT_PATH, question))
  const { meters, background, signal, stack } = bench
  const load = {
    connections: READERS,
    next,
    url: stack.authUrl,
    meter: meters.stack,
    background,
    events: 0,
    operations: 1,
  }
  return {
    name: 'key-check',
    title: 'check of an API key, no cache',
    budget: { cpu: 0.3 },
    warmUp: true,
    measure: (duration) => measureLoad({ ...load, signal, duration }),
  }
}

function loginRow(bench: Bench): Row {
  const load: Load = { connections: 1, next: () => signIn(bench) }
  return {
    name: 'login',
    title: 'login, 1 connection',
    budget: { overhead: 3 },
    warmUp: true,
    measure: stackMeasure(bench, load),
    baseline: { title: 'argon2id alone', measure: hashAlone },
  }
}

/** The hash that a login computes, in this process. */
const hashAlone: Measure = async (duration) => {
  const passwords = createPasswordHasher({ concurrency: 1 })
  const latencies: number[] = []
  const [begin, before] = [performance.now(), process.cpuUsage()]
  while (performance.now() - begin < duration) {
    const sent = performance.now()
    await passwords.verifyDummy('correct horse battery staple')
    latencies.push(performance.now() - sent)
  }
  const { user, system } = process.cpuUsage(before)
  return {
    ...latenciesOf(latencies, performance.now() - begin),
    cpu: (user + system) / 1000 / latencies.length,
    errors: 0,
    firstError: undefined,
  }
}

/** Reads while many sign in at once: those who are too many are sent away, and the readers must not notice. */
async function crowdRow(bench: Bench): Promise<Row> {
  const ids = await memoryIds(bench)
  return {
    name: 'crowd',
    title: `get, while ${SIGNING_IN} sign in at once`,
    budget: { p99: 100 },
    unit: 'read',
    warmUp: false,
    measure: (duration) => readBesideCrowd(bench, ids, duration),
  }
}

async function readBesideCrowd(bench: Bench, ids: () => string, duration: number): Promise<Measurement> {
  const { url } = bench.stack
  const { signal } = bench
  const crowd = runClosedLoop({ url, connections: SIGNING_IN, duration, next: () => signIn(bench), signal })
  const reads = await runClosedLoop({
    url,
    connections: READERS,
    duration,
    next: () => get(`/v1/memories/${ids()}`, apiKeyOf(bench)),
    signal,
  })
  await crowd
  const { latencies, elapsed, errors, firstError } = reads
  return { ...latenciesOf([...latencies], elapsed), cpu: undefined, errors, firstError }
}

function signIn({ stack }: Bench) {
  const { email, password } = stack.credentials
  return post('/v1/auth/login', { email, password })
}

function latenciesOf(latencies: number[], elapsed: number) {
  latencies.sort((a, b) => a - b)
  return {
    rate: (latencies.length / elapsed) * 1000,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    p99: quantile(latencies, 0.99),
    operations: latencies.length,
  }
}

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
/** So many that nobody has more sessions than a user may: ending the oldest is no part of a usual sign-in. */
const MEMBERS = 60
const PASSWORD = 'four lanterns over the quiet harbour'

export const authPlans: readonly RowPlan[] = [
  { name: 'key-check', prepare: (bench) => Promise.resolve(keyCheckRow(bench)) },
  { name: 'login', prepare: loginRow },
  { name: 'crowd', prepare: crowdRow },
]

/** What the gateway asks of auth when it has not seen a key lately. */
function keyCheckRow(bench: Bench): Row {
  const key = parseApiKey(bench.stack.credentials.api_key)
  if (key === null) throw new Error('The API key of the stack is damaged')
  const question = { kind: 'api_key', key_id: key.keyId, secret: key.secret }
  const ask = (asked: typeof question) => () => bench.asGateway('auth', post(INTROSPECT_PATH, asked))
  const { meters, background, signal, stack } = bench
  const load = {
    connections: READERS,
    url: stack.authUrl,
    meter: meters.stack,
    background,
    events: 0,
    operations: 1,
  }
  return {
    name: 'key-check',
    title: 'check of an API key, no cache',
    budget: { overhead: 0.3 },
    warmUp: true,
    measure: (duration) => measureLoad({ ...load, next: ask(question), signal, duration }),
    baseline: {
      title: 'the same question about no key',
      measure: (duration) => measureLoad({ ...load, next: ask({ ...question, key_id: '' }), signal, duration }),
    },
  }
}

async function loginRow(bench: Bench): Promise<Row> {
  const emails = await addMembers(bench)
  let at = 0
  const load: Load = { connections: 1, next: () => logIn(emails[at++ % emails.length] ?? '', PASSWORD) }
  return {
    name: 'login',
    title: 'login, 1 connection',
    budget: { delay: 3 },
    warmUp: true,
    measure: stackMeasure(bench, load),
    baseline: { title: 'argon2id alone', measure: hashAlone },
  }
}

async function addMembers(bench: Bench): Promise<string[]> {
  const emails = Array.from({ length: MEMBERS }, (_, index) => `member-${index}@bench.example`)
  for (const email of emails) {
    const body = JSON.stringify({ email, password: PASSWORD, role: 'user' })
    const headers = { ...apiKeyOf(bench), 'content-type': 'application/json' }
    const { status } = await fetch(`${bench.stack.url}/v1/users`, { method: 'POST', headers, body })
    if (status !== 201) throw new Error(`A member cannot be added: ${status}`)
  }
  return emails
}

/** The hash that a login computes, in this process. */
const hashAlone: Measure = async (duration) => {
  const passwords = createPasswordHasher({ concurrency: 1 })
  const latencies: number[] = []
  const [begin, before] = [performance.now(), process.cpuUsage()]
  while (performance.now() - begin < duration) {
    const sent = performance.now()
    await passwords.verifyDummy(PASSWORD)
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
  return logIn(email, password)
}

function logIn(email: string, password: string) {
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

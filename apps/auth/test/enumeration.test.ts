import { expect, test } from 'vitest'
import { randomEmail, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ PASSWORD_MEMORY_KIB: '19456', PASSWORD_PASSES: '2' })

const SAMPLES = 60
/** Failures of an account that cost no wait. */
const FREE = 5

// What else the machine does may disturb a round; a check that is left out shows in all of them.
test('how long a refusal takes does not tell whether there is an account', { retry: 2 }, async () => {
  const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] }
  for (let i = 0; i < SAMPLES / FREE; i += 1) {
    const emails = { known: (await signUp(auth)).email, unknown: randomEmail() }
    for (let attempt = 0; attempt < FREE; attempt += 1) {
      for (const kind of attempt % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)) {
        times[kind].push(await timeOf(emails[kind]))
      }
    }
  }
  const [known, unknown] = [median(times.known), median(times.unknown)]
  expect(times.known).toHaveLength(SAMPLES)
  expect(Math.abs(known - unknown) / Math.min(known, unknown)).toBeLessThan(0.25)
})

async function timeOf(email: string): Promise<number> {
  const start = performance.now()
  const { status } = await auth.call('POST', '/v1/auth/login', { email, password: 'something else entirely' })
  expect(status).toBe(401)
  return performance.now() - start
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

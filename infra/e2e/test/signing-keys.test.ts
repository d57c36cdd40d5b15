import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, createAccount, PASSWORD } from '@memoric/e2e/accounts.ts'
import type { ApiClient, Credential } from '@memoric/e2e/api-client.ts'
import { useAnotherGateway } from '@memoric/e2e/gateways.ts'
import { operate } from '@memoric/e2e/operate.ts'
import { readiness } from '@memoric/e2e/readiness.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { expect, test } from 'vitest'

const stack = useStack()
const another = useAnotherGateway(stack)
const gateways = (): ApiClient[] => [stack.api, another.api]

const patience = { timeout: 20_000 }

interface Rotation {
  readonly current: string
  readonly previous: string | null
}

const rotate = (...options: string[]) => operate(stack, 'signing-keys', 'rotate', ...options) as Promise<Rotation>

async function signIn({ email, tenantId }: Account): Promise<string> {
  const body = { email, password: PASSWORD, tenant: tenantId }
  return (await stack.api.ok('login', null, { body })).access_token
}

/** One of the parts of a token, which are JSON. */
function partOf(token: string, part: 0 | 1): Record<string, unknown> {
  const text = Buffer.from(token.split('.')[part] ?? '', 'base64url').toString()
  return JSON.parse(text) as Record<string, unknown>
}

const kidOf = (token: string) => partOf(token, 0)['kid']

const statuses = (credential: Credential) =>
  Promise.all(gateways().map(async (api) => (await api.call('me', credential)).status))

/**
 * Signs in again and again and shows each token to every gateway while `work` runs, which is given the kids that were used until
 * then; gives them all.
 */
async function withFreshTokens(
  account: Account,
  work: (kids: ReadonlySet<unknown>) => Promise<unknown>,
): Promise<ReadonlySet<unknown>> {
  const kids = new Set<unknown>()
  const state = { isOver: false }
  const client = async (): Promise<void> => {
    while (!state.isOver) {
      const token = await signIn(account)
      expect(await statuses({ token })).toEqual([200, 200])
      kids.add(kidOf(token))
    }
  }
  const clients = Promise.all([client(), client(), client()])
  try {
    await work(kids)
  } finally {
    state.isOver = true
  }
  await clients
  return kids
}

test('keys are rotated five times in a row without a request that is refused', async () => {
  const [account, other] = [await createAccount(stack), await createAccount(stack)]
  await withFreshTokens(account, async (used) => {
    await expect.poll(() => used.size, patience).toBe(1)
    for (let time = 0; time < 5; time += 1) {
      const { current } = await rotate()
      await expect.poll(() => used.has(current), patience).toBe(true)
    }
    expect(used.size).toBe(6)
    // As fast as it goes: gateways have hardly heard of a key when it signs.
    const rotations = [await rotate(), await rotate(), await rotate(), await rotate(), await rotate()]
    await expect.poll(() => used.has(rotations.at(-1)?.current), patience).toBe(true)
  })
  expect(await statuses(other.session)).toEqual([200, 200])
})

test('without NATS too: gateways look for a key that they do not know', async () => {
  const account = await createAccount(stack)
  await stack.nats.kill()
  try {
    await withFreshTokens(account, async (used) => {
      await expect.poll(() => used.size, patience).toBe(1)
      for (const before of [1, 2]) {
        // The command waits for NATS for a while, and says that it told nobody.
        await expect(rotate()).rejects.toThrow('NATS cannot be reached')
        // Whoever asks auth for the keys makes it look at them; else it does within a minute.
        await fetch(`${stack.settings.urls.auth}/.well-known/jwks.json`)
        await expect.poll(() => used.size, patience).toBeGreaterThan(before)
      }
    })
  } finally {
    await stack.nats.start()
    for (const url of Object.values(stack.settings.urls)) {
      await expect.poll(() => readiness(url), patience).toMatchObject({ status: 'ready' })
    }
  }
})

test('in an emergency every token dies within a second, and new ones work at once', async () => {
  const [account, other] = [await createAccount(stack), await createAccount(stack)]
  const token = await signIn(account)
  expect(await statuses({ token })).toEqual([200, 200])
  const { current } = await rotate('--revoke')
  const changedAt = performance.now()
  while ((await statuses({ token })).some((status) => status !== 401)) {
    expect(performance.now() - changedAt).toBeLessThan(1000)
    await sleep(5)
  }
  const kids = await withFreshTokens(account, () => sleep(300))
  expect([...kids]).toEqual([current])
  expect(current).not.toBe(kidOf(token))
  const renewed = await stack.api.ok('refresh', null, { body: { refresh_token: other.refreshToken } })
  expect(await statuses({ token: renewed.access_token })).toEqual([200, 200])
})

test('anybody can check a token by the published keys, and keep them', async () => {
  const account = await createAccount(stack)
  const token = await signIn(account)
  const answer = await stack.api.raw({ method: 'GET', path: '/.well-known/jwks.json' })
  expect(answer.headers).toMatchObject({ 'cache-control': 'public, max-age=300' })
  const { keys } = answer.body as { readonly keys: readonly JsonWebKey[] }
  const jwk = keys.find(({ kid }) => kid === kidOf(token)) ?? {}
  const [head, body, signature = ''] = token.split('.')
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  expect(verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))).toBe(true)
  expect(partOf(token, 1)).toMatchObject({ iss: 'memoric', aud: 'memoric-api', sub: account.userId })
  const known = { 'if-none-match': String(answer.headers['etag']) }
  const again = await stack.api.raw({ method: 'GET', path: '/.well-known/jwks.json', headers: known })
  expect(again).toMatchObject({ status: 304, text: '' })
  expect(again.headers['etag']).toBe(answer.headers['etag'])
})

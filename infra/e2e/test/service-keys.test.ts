import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { ServiceKey } from '@memoric/crypto/service-key.ts'
import { createAccount } from '@memoric/e2e/accounts.ts'
import type { ApiAnswer } from '@memoric/e2e/api-client.ts'
import { createServiceKeyFolder } from '@memoric/e2e/service-key-folder.ts'
import { SERVICES } from '@memoric/e2e/stack-settings.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import {
  ensureGatewayKeys,
  issueServiceKey,
  revokeServiceKey,
  rotateServiceKey,
} from '@memoric/setup/service-keys/service-keys.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { afterAll, expect, test } from 'vitest'

const folder = await createServiceKeyFolder()
const keys = { folder: folder.path, handOut: () => Promise.resolve() }
const stack = useStack({ overrides: folder.overrides })

afterAll(() => folder.remove())

/** A machine with too much to do is no fault of the keys. */
function isFailure({ problem }: ApiAnswer): boolean {
  return problem !== null && problem.code !== 'overloaded'
}

/** The answer of the memory service to another service that calls it for a tenant. */
async function statusFor(key: ServiceKey, caller: Partial<Caller>): Promise<number> {
  const answer = await fetch(`${stack.settings.urls.memory}/v1/memories`, {
    headers: callerHeaders(key, 'memory', caller),
  })
  await answer.body?.cancel()
  return answer.status
}

test('while the keys of the gateway are rotated no request fails, and then the old one is refused', async () => {
  const account = await createAccount(stack)
  const old = await folder.keyOf('gateway', 'memory')
  let rotating = true
  const failures: string[] = []
  let requests = 0
  const worker = async (): Promise<void> => {
    while (rotating) {
      const answers = [
        await stack.api.call('createMemory', account.key, { body: { content: `while keys change ${randomUUID()}` } }),
        await stack.api.call('me', account.session),
        await stack.api.call('listAuditLogs', account.session),
      ]
      requests += answers.length
      failures.push(...answers.filter(isFailure).map(({ text }) => text))
    }
  }
  const workers = Promise.all(Array.from({ length: 4 }, worker))
  const rotation = { settleMs: 4000, overlapMs: 4000, say: () => undefined }
  await Promise.all(SERVICES.map((app) => rotateServiceKey(keys, { caller: 'gateway', app }, rotation)))
  const caller = { tenantId: account.tenantId } as Partial<Caller>
  await expect.poll(() => statusFor(old, caller), { timeout: 10_000 }).toBe(401)
  rotating = false
  await workers
  expect(failures).toEqual([])
  expect(requests).toBeGreaterThan(50)
  expect((await folder.keyOf('gateway', 'memory')).text).not.toBe(old.text)
}, 60_000)

test('a service that is given a key calls with a statement of its own, and is refused within seconds when it is revoked', async () => {
  const account = await createAccount(stack)
  await issueServiceKey(keys, { caller: 'billing', app: 'memory' })
  const billing = await folder.keyOf('billing', 'memory')
  const caller = {
    tenantId: account.tenantId,
    permissions: ['memories:read'],
    subjects: '*',
    namespaces: '*',
  } as Partial<Caller>
  const known = { ...caller, principal: { type: 'service' as const, id: 'billing' } }
  await expect.poll(() => statusFor(billing, known), { timeout: 10_000 }).toBe(200)
  await revokeServiceKey(keys, { caller: 'billing', app: 'memory' })
  await expect.poll(() => statusFor(billing, known), { timeout: 10_000 }).toBe(401)
  expect((await stack.api.call('listMemories', account.key)).status).toBe(200)
}, 60_000)

test('when the key of the gateway is revoked the service refuses it, and the client is told that it is not its fault', async () => {
  const account = await createAccount(stack)
  await revokeServiceKey(keys, { caller: 'gateway', app: 'audit' })
  const ask = async () => (await stack.api.call('listAuditLogs', account.session)).problem?.code
  await expect.poll(ask, { timeout: 10_000 }).toBe('bad_upstream')
  await ensureGatewayKeys(folder.path, ['audit'])
  await expect.poll(ask, { timeout: 10_000 }).toBeUndefined()
}, 60_000)

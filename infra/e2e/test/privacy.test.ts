import { createAccount, createKey } from '@memoric/e2e/accounts.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import type { SuccessBody } from '@memoric/e2e/api-client.ts'
import { RECEIPT_KEY_PATH } from '@memoric/contracts/well-known.ts'
import { parseVerifierKey, textOf, verifyNote } from '@memoric/crypto/signed-note.ts'
import { expect, test } from 'vitest'

const stack = useStack({ processes: ['memory'] })
const patience = { timeout: 25_000, interval: 50 }
const from = { headers: { 'x-forwarded-for': '203.0.113.5' } }

type Account = Awaited<ReturnType<typeof createAccount>>

async function untilDone({ key }: Account, id: string): Promise<SuccessBody<'getErasure'>> {
  const read = () => stack.api.ok('getErasure', key, { params: { id } })
  await expect.poll(async () => (await read()).state, patience).toBe('done')
  return read()
}

async function addressesOf({ userId, session }: Account): Promise<(string | null)[]> {
  await settled(stack)
  const { items } = await stack.api.ok('listAuditLogs', session, { query: { actor: userId, limit: '200' } })
  return items.map(({ ip_address }) => ip_address)
}

test('a person is erased from the memories and from the log, with a receipt under the published key', async () => {
  const { api, settings } = stack
  const account = await createAccount(stack)
  const { key, session, userId } = account
  const params = { id: userId }
  await api.ok('createMemory', session, { body: { content: 'of the person', subject_id: userId }, ...from })
  expect(await addressesOf(account)).toContain('203.0.113.5')
  const begun = await api.ok('eraseSubject', key, { params })
  const { receipt, counts } = await untilDone(account, begun.id)
  expect(counts).toMatchObject({ memories: 1, subject_keys: 1 })
  const published = await fetch(settings.urls.gateway + RECEIPT_KEY_PATH)
  expect(published.headers.get('content-type')).toContain('text/plain')
  const keys = (await published.text()).trim().split('\n').map(parseVerifierKey)
  expect(verifyNote(receipt ?? '', keys)).toEqual([{ name: 'memoric-receipts' }])
  expect(JSON.parse(textOf(receipt ?? ''))).toMatchObject({ subject_id: userId, log_keys_destroyed: 1 })
  expect((await api.ok('listMemories', key, { query: { subject_id: userId } })).items).toEqual([])
  expect(await addressesOf(account)).not.toContain('203.0.113.5')
})

test('an erasure that was killed in the middle is ended by the next start', async () => {
  const { api, admin } = stack
  const account = await createAccount(stack)
  const { key, tenantId } = account
  const items = Array.from({ length: 50 }, (_, i) => ({ content: `note ${i}`, subject_id: 'ada' }))
  await api.ok('createMemories', key, { body: { items } })
  const isHeld = Promise.withResolvers<undefined>()
  const mayEnd = Promise.withResolvers<undefined>()
  const holding = admin.memory.begin(async (tx) => {
    await tx`lock table search_segments in access exclusive mode`
    isHeld.resolve(undefined)
    await mayEnd.promise
  })
  await isHeld.promise
  const cutOff = api.call('eraseSubject', key, { params: { id: 'ada' } })
  const begun = async () => await admin.memory<{ id: string }[]>`select id from erasures where tenant_id = ${tenantId}`
  await expect.poll(async () => (await begun()).length, patience).toBe(1)
  await stack.kill('memory')
  mayEnd.resolve(undefined)
  await holding
  expect((await cutOff).problem?.code).toBe('service_unavailable')
  await stack.start('memory')
  const [{ id } = { id: '' }] = await begun()
  const { counts } = await untilDone(account, id)
  expect(counts).toMatchObject({ memories: 50, subject_keys: 1 })
  expect((await api.ok('eraseSubject', key, { params: { id: 'ada' } })).id).toBe(id)
})

test('what a tenant asks for about consent holds with the next request, for its own members and keys', async () => {
  const { api } = stack
  const [account, other] = [await createAccount(stack), await createAccount(stack)]
  const { key, session } = account
  const write = (credential: typeof key) =>
    api.call('createMemory', credential, { body: { content: 'tea', subject_id: 'ada' } })
  await api.ok('updateTenant', session, { body: { settings: { consent_required: true } } })
  await expect.poll(async () => (await write(key)).problem?.code, patience).toBe('consent_required')
  expect((await write(session)).problem?.code).toBe('consent_required')
  expect((await write(other.key)).status).toBe(201)
  const consent = { params: { id: 'ada' }, body: { purpose: 'memory', status: 'granted', evidence: 'form 7' } }
  await api.ok('putConsent', key, consent)
  expect((await write(key)).status).toBe(201)
  const limited = { apiKey: (await createKey(stack, session, { namespaces: ['default'] })).key }
  expect((await api.call('putConsent', limited, consent)).problem?.code).toBe('namespace_not_allowed')
  expect((await api.call('eraseSubject', limited, { params: { id: 'ada' } })).problem?.code).toBe(
    'namespace_not_allowed',
  )
  await api.ok('putConsent', key, { params: { id: 'ada' }, body: { purpose: 'memory', status: 'withdrawn' } })
  const search = { body: { query: 'tea', subject_id: 'ada' } }
  expect((await api.call('searchMemories', key, search)).problem?.code).toBe('consent_withdrawn')
  expect((await api.call('searchMemories', other.key, search)).status).toBe(200)
})

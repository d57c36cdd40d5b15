import { randomUUID } from 'node:crypto'
import type { Role } from '@memoric/contracts/permissions.ts'
import { type Account, createAccount, createKey, PASSWORD } from '@memoric/e2e/accounts.ts'
import type { Credential } from '@memoric/e2e/api-client.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { expect, test } from 'vitest'

const stack = useStack()

/** What the documents promise. */
const within = { timeout: 1000, interval: 20 }

/** Invites somebody, who accepts. */
async function join(owner: Account, role: Role): Promise<{ id: string; session: Credential }> {
  const invited = await stack.api.ok('createInvitation', owner.session, {
    body: { email: `${randomUUID()}@example.org`, role },
  })
  const body = { token: invited.token, password: PASSWORD }
  const { user, access_token } = await stack.api.ok('acceptInvitation', null, { body })
  return { id: user.id, session: { token: access_token } }
}

const statusOf = async (id: 'listUsers' | 'me' | 'listMemories', credential: Credential) =>
  (await stack.api.call(id, credential)).status

const change = (owner: Account, id: string, body: object) =>
  stack.api.ok('updateUser', owner.session, { params: { id }, body })

test('an invited person joins with a role of the same tenant, and works at once', async () => {
  const owner = await createAccount(stack)
  const member = await join(owner, 'user')
  const me = await stack.api.ok('me', member.session)
  expect(me).toMatchObject({ tenant: { id: owner.tenantId }, user: { id: member.id, role: 'user' } })
  const made = await stack.api.ok('createMemory', member.session, { body: { content: 'the first day' } })
  expect(made).toMatchObject({ tenant_id: owner.tenantId, subject_id: member.id })
  expect(await statusOf('listUsers', member.session)).toBe(403)
})

test('another role counts within a second', async () => {
  const owner = await createAccount(stack)
  const member = await join(owner, 'user')
  expect(await statusOf('listUsers', member.session)).toBe(403)
  await change(owner, member.id, { role: 'admin' })
  await expect.poll(() => statusOf('listUsers', member.session), within).toBe(200)
  const key: Credential = { apiKey: (await createKey(stack, member.session)).key }
  expect(await statusOf('listUsers', key)).toBe(200)
  await change(owner, member.id, { role: 'read_only' })
  await expect.poll(() => statusOf('listUsers', member.session), within).toBe(403)
  await expect.poll(() => statusOf('listUsers', key), within).toBe(403)
})

test('who is deactivated is out within a second, and the keys come back with the member', async () => {
  const owner = await createAccount(stack)
  const member = await join(owner, 'admin')
  const key: Credential = { apiKey: (await createKey(stack, member.session)).key }
  expect([await statusOf('me', member.session), await statusOf('me', key)]).toEqual([200, 200])
  await change(owner, member.id, { active: false })
  await expect.poll(() => statusOf('me', member.session), within).toBe(401)
  await expect.poll(() => statusOf('me', key), within).toBe(401)
  await change(owner, member.id, { active: true })
  await expect.poll(() => statusOf('me', key), within).toBe(200)
  expect(await statusOf('me', member.session)).toBe(401)
})

test('who is removed is out within a second, and the log tells it all', async () => {
  const owner = await createAccount(stack)
  const member = await join(owner, 'admin')
  const key: Credential = { apiKey: (await createKey(stack, member.session)).key }
  expect(await statusOf('me', key)).toBe(200)
  await stack.api.ok('removeUser', owner.session, { params: { id: member.id } })
  await expect.poll(() => statusOf('me', member.session), within).toBe(401)
  await expect.poll(() => statusOf('me', key), within).toBe(401)
  await settled(stack)
  const { items } = await stack.api.ok('listAuditLogs', owner.key, { query: { limit: '50' } })
  expect(items.map(({ operation }) => operation)).toEqual(
    expect.arrayContaining(['invitation.created', 'invitation.accepted', 'api_key.revoked', 'user.removed']),
  )
})

test('a network that the tenant chooses counts within a second', async () => {
  const owner = await createAccount(stack)
  const body = { settings: { ip_allow: ['127.0.0.1', '::1'] } }
  await stack.api.ok('updateTenant', owner.session, { body })
  expect(await statusOf('listMemories', owner.key)).toBe(200)
  const elsewhere = { headers: { 'x-forwarded-for': '203.0.113.7' } }
  const status = async () => (await stack.api.call('listMemories', owner.key, elsewhere)).status
  await expect.poll(status, within).toBe(403)
})

test('a contained member is out within a second', async () => {
  const owner = await createAccount(stack)
  const member = await join(owner, 'admin')
  expect(await statusOf('me', member.session)).toBe(200)
  const body = { target: { type: 'user', id: member.id }, reason: 'a drill' }
  expect(await stack.api.ok('contain', owner.session, { body })).toEqual({ sessions_revoked: 1, api_keys_revoked: 0 })
  await expect.poll(() => statusOf('me', member.session), within).toBe(401)
})

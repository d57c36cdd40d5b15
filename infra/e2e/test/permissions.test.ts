import { type Caller, SERVICE_KEY_HEADER } from '@memoric/contracts/caller.ts'
import { tenantId } from '@memoric/contracts/ids.ts'
import { type Permission, PERMISSIONS, ROLE_PERMISSIONS, ROLES } from '@memoric/contracts/permissions.ts'
import type { Access, Route } from '@memoric/contracts/route.ts'
import { type OperationId, ROUTES } from '@memoric/contracts/route-table.ts'
import { createServiceKey } from '@memoric/crypto/service-key.ts'
import { createAccount, createKey, register } from '@memoric/e2e/accounts.ts'
import { type ApiAnswer, type Credential, createApiClient, rawRequest } from '@memoric/e2e/api-client.ts'
import { SERVICES } from '@memoric/e2e/stack-settings.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { validRequests } from '@memoric/e2e/valid-requests.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { describe, expect, test } from 'vitest'

const stack = useStack()
const routes = Object.entries(ROUTES) as [OperationId, Route][]

/** What the table of routes and the table of roles say about a caller who holds `held`, or about nobody (null). */
function expectedRefusal(access: Access, held: readonly Permission[] | null): string | null {
  if (access === 'anyone') return null
  if (held === null) return 'authentication_required'
  return access === 'signed_in' || held.includes(access) ? null : 'permission_denied'
}

function refusalOf(access: Access, { problem }: ApiAnswer): string | null {
  const credential = ['invalid_token', 'invalid_api_key']
  const refusals = ['authentication_required', 'permission_denied']
  // A made-up token in the body of a route for anyone is refused for what it is, to whoever presents it.
  if (access !== 'anyone') refusals.push(...credential)
  return problem !== null && refusals.includes(problem.code) ? problem.code : null
}

async function expectMatrix(credential: Credential, held: readonly Permission[] | null): Promise<void> {
  const [expected, found]: [Record<string, unknown>, Record<string, unknown>] = [{}, {}]
  for (const [id, route] of routes) {
    const answer = await stack.api.call(id, credential, validRequests[id]({}))
    expect(answer.status, id).toBeLessThan(500)
    expected[id] = expectedRefusal(route.access, held)
    found[id] = refusalOf(route.access, answer)
  }
  expect(found).toEqual(expected)
}

describe('every route lets in whom the tables say', () => {
  test('nobody in particular', () => expectMatrix(null, null))

  test.each(ROLES)('a session of the role %s', async (role) => {
    const { session } = await register(stack, role)
    await expectMatrix(session, ROLE_PERMISSIONS[role])
  })

  test.each(PERMISSIONS)('an API key with %s alone', async (scope) => {
    const account = await createAccount(stack)
    const { key } = await createKey(stack, account.session, { scopes: [scope] })
    await expectMatrix({ apiKey: key }, [scope])
  })

  test('a key never does what the one who made it may no longer do', async () => {
    const account = await createAccount(stack)
    await stack.admin.auth`update users set role = 'read_only' where id = ${account.userId}`
    await expectMatrix(account.key, ROLE_PERMISSIONS.read_only)
  })
})

describe('a key is never made with more than its maker holds', () => {
  test.each(PERMISSIONS.filter((permission) => permission !== 'keys:manage'))('%s', async (scope) => {
    const account = await createAccount(stack)
    const maker = await createKey(stack, account.session, { scopes: ['keys:manage'] })
    const body = { name: 'more', scopes: [scope] }
    const answer = await stack.api.call('createApiKey', { apiKey: maker.key }, { body })
    expect(answer.problem?.code).toBe('scope_exceeds_creator')
  })
})

describe('a service lets in only what the gateway states', () => {
  const paths = { auth: '/v1/api-keys', memory: '/v1/memories', audit: '/v1/audit/logs' } as const
  const caller: Partial<Caller> = {
    tenantId: tenantId.parse('0198c0de-0000-7000-8000-000000000001'),
    principal: { type: 'api_key', id: '0198c0de-0000-7000-8000-000000000002' },
    permissions: [...PERMISSIONS],
    subjects: '*',
    namespaces: '*',
  }

  test.each(SERVICES)('%s', async (service) => {
    const { settings } = stack
    const direct = createApiClient(settings.urls[service])
    const ask = (headers: Record<string, string>) => direct.raw({ method: 'GET', path: paths[service], headers })
    const stranger = createServiceKey('gateway')
    const other = service === 'auth' ? 'memory' : 'auth'
    const right = callerHeaders(settings.serviceKey, service, caller)
    const { apiKey } = (await createAccount(stack)).key as { apiKey: string }
    const refused: Record<string, string>[] = [
      {},
      { 'x-api-key': apiKey },
      { authorization: `Bearer ${apiKey}` },
      { [SERVICE_KEY_HEADER]: settings.serviceKey.text },
      callerHeaders(stranger, service, caller),
      callerHeaders(settings.serviceKey, other, caller),
      { ...right, [SERVICE_KEY_HEADER]: stranger.text },
    ]
    for (const headers of refused) expect((await ask(headers)).problem?.code).toBe('invalid_service_identity')
    expect((await ask(right)).status).toBe(200)
    await direct.close()
  })

  test.each(routes.filter(([, { app }]) => app !== 'gateway'))(
    '%s checks the permission by itself',
    async (id, route) => {
      const { settings } = stack
      const direct = createApiClient(settings.urls[route.app])
      const sent = rawRequest(route, validRequests[id]({}))
      const powerless = callerHeaders(settings.serviceKey, route.app, { ...caller, permissions: [] })
      const anonymous = callerHeaders(settings.serviceKey, route.app)
      const ask = (headers: Record<string, string>) => direct.raw({ ...sent, headers: { ...sent.headers, ...headers } })
      const codes = [(await ask(powerless)).problem?.code, (await ask(anonymous)).problem?.code]
      await direct.close()
      if (route.access === 'anyone') return
      expect(codes[0] === 'permission_denied').toBe(route.access !== 'signed_in')
      expect(codes[1]).toBe('authentication_required')
    },
  )
})

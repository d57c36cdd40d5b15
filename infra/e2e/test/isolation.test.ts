import type { Route } from '@memoric/contracts/route.ts'
import { type OperationId, ROUTES } from '@memoric/contracts/route-table.ts'
import { type Account, createAccount, createKey, register } from '@memoric/e2e/accounts.ts'
import type { ApiAnswer, Credential } from '@memoric/e2e/api-client.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { validRequests } from '@memoric/e2e/valid-requests.ts'
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'

const stack = useStack()
const routes = Object.entries(ROUTES) as [OperationId, Route][]
const isAboutSubject = (route: Route) => route.path.startsWith('/v1/privacy/subjects/')
/** Words of each tenant's own or of everyone, not ids of something. */
const isNamed = (route: Route) => isAboutSubject(route) || route.path.startsWith('/v1/audit/detections/')
const withId = routes.filter(([, route]) => route.params !== undefined && !isNamed(route))
const withSubject = routes.filter(
  ([, route]) => isAboutSubject(route) || JSON.stringify(shapeOf(route)).includes('subject_id'),
)

function shapeOf(route: Route): string[] {
  const body = route.body as { shape?: object } | undefined
  return [...Object.keys(route.query?.shape ?? {}), ...Object.keys(body?.shape ?? {})]
}

/** A word that stands in nothing but the memories of one tenant. */
const CANARY = 'zanzibarquetzal'

interface Victim extends Account {
  readonly memoryIds: readonly string[]
  readonly secretKeyId: string
}

let attacker: Account
let victim: Victim
let attackers: [string, Credential][]

beforeAll(async () => {
  attacker = await createAccount(stack)
  victim = await furnished(await createAccount(stack))
  attackers = [
    ['a session', attacker.session],
    ['an API key', attacker.key],
  ]
  const own = { body: { content: 'the attacker has a memory as well', subject_id: 'anna', namespace: 'private' } }
  await stack.api.ok('createMemory', attacker.key, own)
  await settled(stack)
})

/** Memories in several places, and another key. */
async function furnished(account: Account): Promise<Victim> {
  const memoryIds: string[] = []
  for (const [subject_id, namespace] of [
    ['anna', 'private'],
    ['ben', 'work'],
    ['ben', 'private'],
    ['default', 'default'],
  ]) {
    const body = { content: `${CANARY} of ${subject_id} in ${namespace}`, subject_id, namespace, thread_id: 'thread' }
    memoryIds.push((await stack.api.ok('createMemory', account.key, { body })).id)
  }
  const { id } = await createKey(stack, account.session, { scopes: ['memories:read'] })
  return { ...account, memoryIds, secretKeyId: id }
}

/** Nothing of the victim is in an answer. */
function expectClean({ text, headers }: ApiAnswer): void {
  const said = text + JSON.stringify(headers)
  const { tenantId, userId, email, keyId, secretKeyId, memoryIds } = victim
  for (const secret of [CANARY, tenantId, userId, email, keyId, secretKeyId, ...memoryIds]) {
    expect(said).not.toContain(secret)
  }
}

/** The source of lines about what the reader's own tenant was refused: they name what it asked for. */
const REFUSALS = 'memoric/gateway'

/** A page of the log without the lines about what the attacker asked for in vain. */
function withoutProbes(answer: ApiAnswer): ApiAnswer {
  const { items } = (answer.body ?? {}) as { items?: readonly { readonly source?: string }[] }
  if (items?.some(({ source }) => source === REFUSALS) !== true) return answer
  return { ...answer, text: JSON.stringify(items.filter(({ source }) => source !== REFUSALS)) }
}

/** An answer without what differs between any two. */
function comparable({ status, problem, headers }: ApiAnswer) {
  return { status, ...problem, request_id: '', names: Object.keys(headers).toSorted() }
}

/** API keys have no sessions, and are told so. */
const ofSessions = new Set<OperationId>(['getSession', 'revokeSession'])

describe("another tenant's id is an id of nothing", () => {
  test.each(withId)('%s', async (id) => {
    const sessionId = (await stack.api.ok('listSessions', victim.session)).items[0]!.id
    const foreign = validRequests[id]({ memoryId: victim.memoryIds[0]!, apiKeyId: victim.secretKeyId, sessionId })
    for (const [what, credential] of ofSessions.has(id) ? attackers.slice(0, 1) : attackers) {
      const answer = await stack.api.call(id, credential, foreign)
      const unknown = await stack.api.call(id, credential, validRequests[id]({}))
      expect(answer.status, what).toBe(404)
      expect(comparable(answer), what).toEqual(comparable(unknown))
      expectClean({ ...answer, text: answer.text.replaceAll(/"request_id":"[^"]*"/g, '') })
    }
  })

  test('and what it names is as it was', async () => {
    for (const id of victim.memoryIds) {
      expect((await stack.api.ok('getMemory', victim.key, { params: { id } })).version).toBe(1)
    }
    const key = await stack.api.ok('getApiKey', victim.session, { params: { id: victim.secretKeyId } })
    expect(key.revoked_at).toBeNull()
  })
})

test("a subject of the same name is another tenant's own", async () => {
  const params = { id: 'ben' }
  await stack.api.ok('createMemory', attacker.key, { body: { content: 'not for long', subject_id: 'ben' } })
  const erased = await stack.api.ok('eraseSubject', attacker.key, { params })
  expect(erased.counts['memories']).toBe(1)
  expect((await stack.api.ok('listConsents', attacker.key, { params })).items).toEqual([])
  const { items } = await stack.api.ok('listMemories', victim.key, { query: { subject_id: 'ben' } })
  expect(items.length).toBeGreaterThan(0)
})

describe('no list, search or count shows another tenant', () => {
  const queries: [OperationId, Record<string, string>[]][] = [
    [
      'listMemories',
      [{}, { subject_id: 'anna' }, { subject_id: 'ben' }, { namespace: 'work' }, { thread_id: 'thread' }],
    ],
    ['listApiKeys', [{}, { limit: '200' }]],
    ['listUsers', [{}, { limit: '200' }]],
    ['listInvitations', [{}, { limit: '200' }]],
    ['listAuditLogs', [{}, { limit: '200' }, { operation: 'memory.*' }, { q: 'memory' }]],
  ]
  test.each(queries)('%s', async (id, variants) => {
    for (const [, credential] of attackers) {
      for (const query of variants) expectClean(withoutProbes(await stack.api.call(id, credential, { query })))
    }
  })

  test('the audit log, asked for ids of the other tenant', async () => {
    const { items } = await stack.api.ok('listAuditLogs', victim.session, { query: { limit: '200' } })
    expect(items.length).toBeGreaterThan(5)
    const seen = items[0]!
    const asked = [
      { actor: victim.userId },
      { actor: victim.keyId },
      { resource: victim.memoryIds[0]! },
      { resource: `memory/${victim.memoryIds[0]}` },
      { request_id: String(seen.request_id) },
      { q: victim.userId },
    ]
    for (const query of asked) {
      for (const [, credential] of attackers) {
        const { items } = await stack.api.ok('listAuditLogs', credential, { query })
        expect(items.filter(({ source }) => source !== REFUSALS)).toEqual([])
      }
    }
  })

  test('searches find nothing of it, and count nothing of it', async () => {
    for (const [, credential] of attackers) {
      for (const subject_id of ['anna', 'ben', 'default', victim.userId]) {
        for (const extra of [
          {},
          { thread_id: 'thread', scope: 'thread' },
          { namespace: 'private' },
          { fallback: ['subject'] },
        ]) {
          const body = { query: CANARY, subject_id, explain: true, ...extra }
          const answer = await stack.api.call('searchMemories', credential, { body })
          expect(answer.status).toBe(200)
          expectClean(answer)
          const own = subject_id === 'anna' && extra.thread_id === undefined ? 1 : 0
          expect((answer.body as { searched: number }).searched).toBe(own)
        }
      }
    }
  })

  test.each(['listMemories', 'listApiKeys', 'listAuditLogs'] as const)(
    'a cursor of the other tenant for %s',
    async (id) => {
      const page = await stack.api.ok(id, victim.session, { query: { limit: '1' } })
      expect(page.next_cursor).not.toBeNull()
      for (const [, credential] of attackers) {
        const query = { cursor: String(page.next_cursor) }
        expectClean(withoutProbes(await stack.api.call(id, credential, { query })))
      }
    },
  )

  test('nobody can name a tenant', async () => {
    const forged = { 'x-tenant-id': victim.tenantId, 'x-memoric-tenant': victim.tenantId, tenant: victim.tenantId }
    for (const [, credential] of attackers) {
      const answer = await stack.api.call('listMemories', credential, { headers: forged })
      expectClean(answer)
      const body = { content: 'mine', tenant_id: victim.tenantId }
      expect((await stack.api.call('createMemory', credential, { body })).status).toBe(400)
      const login = { email: attacker.email, password: attacker.password, tenant: victim.tenantId }
      expect((await stack.api.call('login', null, { body: login })).problem?.code).toBe('invalid_credentials')
    }
  })
})

test('the same e-mail cannot be registered to get at an account', async () => {
  const body = { email: victim.email.toUpperCase(), password: 'another long password', tenant_name: 'Mine' }
  expect((await stack.api.call('register', null, { body })).problem?.code).toBe('email_taken')
})

describe('a key with limits sees and does nothing beyond them', () => {
  test('a route that takes a subject refuses another subject, or shows nothing of it', async () => {
    const made = await createKey(stack, victim.session, { subjects: ['anna'] })
    const key = { apiKey: made.key }
    expect(withSubject.map(([id]) => id)).toEqual(
      expect.arrayContaining(['createMemory', 'eraseSubject', 'searchMemories']),
    )
    for (const [id] of withSubject) {
      const answer = await stack.api.call(id, key, validRequests[id]({ subjectId: 'ben' }))
      if (answer.status === 200) expect(answer.body).toEqual({ items: [], next_cursor: null })
      else expect(answer.problem?.code).toBe('subject_not_allowed')
    }
    const items = [{ content: 'for anna' }, { content: 'for ben', subject_id: 'ben' }]
    const batch = await stack.api.ok('createMemories', key, { body: { items } })
    expect(batch.items.map((item) => item.memory?.subject_id ?? item.problem?.code)).toEqual([
      'anna',
      'subject_not_allowed',
    ])
  })

  const limited: [string, { subjects?: string[]; namespaces?: string[] }, number[]][] = [
    ['one subject', { subjects: ['anna'] }, [0]],
    ['one namespace', { namespaces: ['work'] }, [1]],
    ['a subject and a namespace', { subjects: ['ben'], namespaces: ['private'] }, [2]],
    ['two subjects', { subjects: ['anna', 'ben'] }, [0, 1, 2]],
    ['a subject that has nothing', { subjects: ['nobody'] }, []],
  ]
  test.each(limited)('%s', async (_what, limits, allowed) => {
    const key = { apiKey: (await createKey(stack, victim.session, limits)).key }
    const mine = allowed.map((at) => victim.memoryIds[at]!)
    const others = victim.memoryIds.filter((id) => !mine.includes(id))
    for (const memoryId of others) {
      for (const [id] of withId.filter(([, route]) => route.app === 'memory')) {
        expect([403, 404], id).toContain((await stack.api.call(id, key, validRequests[id]({ memoryId }))).status)
      }
    }
    for (const id of mine) expect((await stack.api.ok('getMemory', key, { params: { id } })).id).toBe(id)
    const seen = await everyMemory(key)
    expect(seen.filter((id) => victim.memoryIds.includes(id)).toSorted()).toEqual(mine.toSorted())
    for (const subject_id of limits.subjects ?? ['anna', 'ben', 'default']) {
      const { results } = await stack.api.ok('searchMemories', key, { body: { query: CANARY, subject_id, top_k: 100 } })
      for (const { memory } of results) expect(mine).toContain(memory.id)
    }
  })

  test('a namespace beyond them cannot be written to, searched or listed', async () => {
    const key = { apiKey: (await createKey(stack, victim.session, { namespaces: ['work'] })).key }
    const write = await stack.api.call('createMemory', key, { body: { content: 'x', namespace: 'private' } })
    expect(write.problem?.code).toBe('namespace_not_allowed')
    const search = await stack.api.call('searchMemories', key, { body: { query: 'x', namespace: 'private' } })
    expect(search.problem?.code).toBe('namespace_not_allowed')
    const list = await stack.api.call('listMemories', key, { query: { namespace: 'private' } })
    expect(list.problem?.code).toBe('namespace_not_allowed')
  })

  test('makes no key that could do more', async () => {
    const limits = { subjects: ['anna'], namespaces: ['private'] }
    const key = { apiKey: (await createKey(stack, victim.session, limits)).key }
    const body = { name: 'more', scopes: ['memories:read'] }
    for (const wider of [
      {},
      { ...limits, subjects: ['anna', 'ben'] },
      { subjects: ['anna'] },
      { namespaces: ['private'] },
    ]) {
      expect((await stack.api.call('createApiKey', key, { body: { ...body, ...wider } })).status).toBe(403)
    }
    expect((await stack.api.call('createApiKey', key, { body: { ...body, ...limits } })).status).toBe(201)
  })

  test('content that another subject has is not noticed as known', async () => {
    const key = { apiKey: (await createKey(stack, victim.session, { subjects: ['curious'] })).key }
    const body = { content: `${CANARY} of anna in private`, thread_id: 'thread' }
    expect((await stack.api.call('createMemory', key, { body })).status).toBe(201)
  })

  async function everyMemory(credential: Credential): Promise<string[]> {
    const ids: string[] = []
    let cursor: string | null = null
    do {
      const query: Record<string, string> = { limit: '1', ...(cursor !== null && { cursor }) }
      const page = await stack.api.ok('listMemories', credential, { query })
      ids.push(...page.items.map((item) => item.id))
      cursor = page.next_cursor
    } while (cursor !== null)
    return ids
  }
})

test.each(['user', 'read_only'] as const)('a %s is confined to the subject that is named like it', async (role) => {
  const person = await register(stack, role)
  const owner = await stack.admin.auth<{ id: string }[]>`select id from users where tenant_id = ${person.tenantId}`
  expect(owner.map((row) => row.id)).toEqual([person.userId])
  const own = await stack.api.call('searchMemories', person.session, { body: { query: 'x' } })
  expect(own.status).toBe(200)
  const other = await stack.api.call('searchMemories', person.session, { body: { query: 'x', subject_id: 'anna' } })
  expect(other.problem?.code).toBe('subject_not_allowed')
  if (role === 'read_only') return
  const made = await stack.api.ok('createMemory', person.session, { body: { content: `mine ${randomUUID()}` } })
  expect(made.subject_id).toBe(person.userId)
})

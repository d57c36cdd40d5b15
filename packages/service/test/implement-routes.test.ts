import type { Caller } from '@memoric/contracts/caller.ts'
import type { ProblemError } from '@memoric/contracts/error-codes.ts'
import { MEMORY_LIMITS } from '@memoric/contracts/memory-contract.ts'
import type { Route } from '@memoric/contracts/route.ts'
import { ROUTES_OF_MEMORY } from '@memoric/contracts/routes-of-memory.ts'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { faults, implementRoutes, readInput, type Call, type Handlers } from '../src/implement-routes.ts'
import { testCaller } from './test-caller.ts'
import { problemFrom, testServer } from './test-server.ts'

const ID = '0198c2f0-0000-7000-8000-00000000000a'
const RESULT = { results: [], scope_used: 'subject', searched: 0 }

interface Served {
  readonly app: FastifyInstance
  readonly calls: Call<Route>[]
}

/** The memory app with handlers that only keep what they were called with. */
async function memoryServer(
  caller: Caller = testCaller({ permissions: ['memories:read', 'memories:write'] }),
): Promise<Served> {
  const app = await testServer()
  const calls: Call<Route>[] = []
  app.decorateRequest('caller')
  app.addHook('onRequest', (request, _reply, done) => {
    request.caller = caller
    done()
  })
  const keep = (call: Call<Route>) => {
    calls.push(call)
    return Promise.resolve({ status: 200, body: RESULT, headers: { etag: '"7"' } })
  }
  const empty = () => Promise.resolve({ status: 204, body: null })
  const handlers = Object.fromEntries(
    Object.keys(ROUTES_OF_MEMORY).map((id) => [id, id === 'deleteMemory' ? empty : keep]),
  )
  // These handlers answer what no route of the table does, which is what is tested here.
  implementRoutes(app, ROUTES_OF_MEMORY, handlers as unknown as Handlers<'memory'>)
  return { app, calls }
}

async function faultsOf(request: InjectOptions): Promise<string[]> {
  const { app, calls } = await memoryServer()
  const { status, problem } = await problemFrom(app, request)
  expect({ status, code: problem.code, calls }).toEqual({ status: 400, code: 'validation_failed', calls: [] })
  return (problem.errors ?? []).map(({ pointer }) => pointer).sort()
}

describe('an app serves the routes of the table', () => {
  test('with what was validated, who asked, and the path of the route', async () => {
    const { app, calls } = await memoryServer()
    const request = {
      method: 'PATCH',
      url: `/v1/memories/${ID}`,
      headers: { 'if-match': '"3"' },
      payload: { importance: 'high' },
    }
    const answer = await app.inject(request as InjectOptions)
    expect({ status: answer.statusCode, body: answer.json<unknown>(), etag: answer.headers.etag }).toEqual({
      status: 200,
      body: RESULT,
      etag: '"7"',
    })
    const context = expect.objectContaining({
      endpoint: '/v1/memories/:id',
      method: 'PATCH',
      caller: testCaller(),
    }) as unknown
    const parts = { params: { id: ID }, query: undefined, headers: { 'if-match': 3 }, body: { importance: 0.8 } }
    expect(calls).toEqual([{ ...parts, context }])
  })

  test('with an empty body where the route has none', async () => {
    const { app } = await memoryServer(testCaller({ permissions: ['memories:delete'] }))
    const answer = await app.inject({ method: 'DELETE', url: `/v1/memories/${ID}` })
    expect({ status: answer.statusCode, body: answer.body }).toEqual({ status: 204, body: '' })
  })

  test('only to callers with the permission of the route, before it looks at the request', async () => {
    const { app, calls } = await memoryServer(testCaller({ permissions: ['memories:read'] }))
    const { status, problem } = await problemFrom(app, { method: 'POST', url: '/v1/memories', payload: { wrong: 1 } })
    expect({ status, code: problem.code, calls }).toEqual({ status: 403, code: 'permission_denied', calls: [] })
  })

  test('never to the anonymous', async () => {
    const { app } = await memoryServer(testCaller({ principal: { type: 'anonymous', id: '' } }))
    expect((await problemFrom(app, { url: '/v1/memories' })).status).toBe(401)
  })

  test('with the body limit of the route', async () => {
    const { app } = await memoryServer()
    const payload = JSON.stringify({ items: [], padding: 'x'.repeat(1_100_000) })
    const headers = { 'content-type': 'application/json' }
    const one = { method: 'POST', url: '/v1/memories', headers, payload } as const
    expect((await problemFrom(app, one)).status).toBe(413)
    expect((await problemFrom(app, { ...one, url: '/v1/memories/batch' })).status).toBe(400)
    expect(MEMORY_LIMITS.batchBytes).toBe(16 * 2 ** 20)
  })

  test('and does not start without a handler for each', async () => {
    const app = await testServer()
    expect(() => implementRoutes(app, ROUTES_OF_MEMORY, {} as Handlers<'memory'>)).toThrow('no handler for')
  })
})

describe('a request of the wrong shape is refused with a pointer to each fault', () => {
  const create = { method: 'POST', url: '/v1/memories' } as const
  const search = { method: 'POST', url: '/v1/memories/search' } as const

  test.each([
    ['a body that is missing', create, ['']],
    ['a body that is null', { ...create, headers: { 'content-type': 'application/json' }, payload: 'null' }, ['']],
    ['a body that is a list', { ...create, payload: [] }, ['']],
    ['a field that is missing', { ...create, payload: {} }, ['/content']],
    ['a field of the wrong type', { ...create, payload: { content: 7 } }, ['/content']],
    [
      'several faults at once',
      { ...create, payload: { content: '', tags: ['a', ''], tier: 'X' } },
      ['/content', '/tags/1', '/tier'],
    ],
    ['an unknown field', { ...create, payload: { content: 'x', tenant_id: ID } }, ['/tenant_id']],
    ['unknown fields further down', { ...search, payload: { filters: { a: 1, b: 2 } } }, ['/filters/a', '/filters/b']],
    ['an unknown field with / and ~ in its name', { ...search, payload: { 'a/b~c': 1 } }, ['/a~1b~0c']],
    ['a rule across fields', { ...search, payload: { scope: 'thread' } }, ['/thread_id']],
    ['a query', { url: '/v1/memories?limit=0&tier=X' }, ['query/limit', 'query/tier']],
    ['an unknown field of the query', { url: '/v1/memories?tenant_id=x' }, ['query/tenant_id']],
    ['a field of the query given twice', { url: '/v1/memories?limit=1&limit=2' }, ['query/limit']],
    ['a path', { url: '/v1/memories/7' }, ['path/id']],
    ['a path with a slash and NUL in it', { url: '/v1/memories/a%2f%00' }, ['path/id']],
    [
      'a header',
      { method: 'PATCH', url: `/v1/memories/${ID}`, headers: { 'if-match': 'x' }, payload: { tier: 'long_term' } },
      ['header/if-match'],
    ],
    [
      'path, header and body together',
      { method: 'PATCH', url: '/v1/memories/x', headers: { 'if-match': '*' }, payload: {} },
      ['', 'header/if-match', 'path/id'],
    ],
  ] as [string, InjectOptions, string[]][])('%s', async (_what, request, pointers) => {
    expect(await faultsOf(request)).toEqual(pointers)
  })

  test('that is not longer than 50 faults, nor 200 characters each', async () => {
    const payload = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}${'x'.repeat(500)}`, 1]))
    const pointers = await faultsOf({ ...search, payload })
    expect(pointers).toHaveLength(50)
    expect(Math.max(...pointers.map((pointer) => pointer.length))).toBeLessThanOrEqual(200)
  })

  test('and never repeats a value', async () => {
    const { app } = await memoryServer()
    const payload = {
      content: 'planted',
      tier: 'planted',
      importance: 'planted',
      occurred_at: 'planted',
      metadata: 'planted',
    }
    const { problem } = await problemFrom(app, { ...create, payload })
    expect(JSON.stringify(problem)).not.toContain('planted')
  })
})

describe('of the parts that a route does not describe', () => {
  const route = {
    method: 'DELETE',
    path: '/v1/x',
    app: 'memory',
    access: 'anyone',
    rate: 'write',
    summary: '',
    responses: {},
  } as const
  const read = (parts: object) => readInput(route, parts as Parameters<typeof readInput>[1])

  test.each([
    ['no body', { query: {} }],
    ['an empty body, and path and headers of any kind', { params: { a: 1 }, query: {}, headers: { c: 3 }, body: {} }],
  ])('the handler sees nothing: %s', (_what, parts) => {
    expect(read(parts)).toEqual({ params: undefined, query: undefined, headers: undefined, body: undefined })
  })

  test('a query and a body are refused field by field: whoever sends `dry_run` must not believe that it counts', () => {
    const errors = ['query/dry_run', '/dry_run'].map((pointer) => ({ pointer, message: 'is not a known field' }))
    const parts = { query: { dry_run: 'true' }, body: { dry_run: true } }
    expect(() => read(parts)).toThrow(expect.objectContaining({ code: 'validation_failed', errors }) as Error)
  })
})

test('faults point into lists and nested objects', () => {
  const schema = z.strictObject({ items: z.array(z.strictObject({ a: z.string() })) })
  const { error } = schema.safeParse({ items: [{ a: 'x' }, { a: 1, b: 2 }] })
  const expected: ProblemError[] = [
    { pointer: '/items/1/a', message: expect.stringContaining('string') as string },
    { pointer: '/items/1/b', message: 'is not a known field' },
  ]
  expect(error && faults(error)).toEqual(expected)
})

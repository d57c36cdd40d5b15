import type { Route } from '@memoric/contracts/route.ts'
import { type OperationId, ROUTES } from '@memoric/contracts/route-table.ts'
import { type Account, createAccount } from '@memoric/e2e/accounts.ts'
import { type ApiAnswer, rawRequest, type RawRequest } from '@memoric/e2e/api-client.ts'
import { BAD_IDS, brokenBodies, ODD_TEXTS, ODD_VALUES, WRONG_TYPES } from '@memoric/e2e/bad-values.ts'
import { countRows, settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { validRequests } from '@memoric/e2e/valid-requests.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

const stack = useStack()
const routes = Object.entries(ROUTES) as [OperationId, Route][]
const withBody = routes.filter(([, route]) => route.body !== undefined)
const withQuery = routes.filter(([, route]) => route.query !== undefined)
/** Answers as long as somebody listens. */
const isEndless = ({ stream }: Route) => stream?.includes('text/event-stream') === true
const withId = routes.filter(([, route]) => route.params !== undefined)
const withHeaders = routes.filter(([, route]) => route.headers !== undefined)

let account: Account
let memoryId: string
let rows: Record<string, number>

beforeAll(async () => {
  account = await createAccount(stack)
  memoryId = (await stack.api.ok('createMemory', account.key, { body: { content: 'as it was' } })).id
  await settled(stack)
  rows = await countRows(stack)
})

/** Refused input leaves no trace: no row in any table, not even an event, and no error in the logs. */
async function expectNoTrace(): Promise<void> {
  expect(await countRows(stack)).toEqual(rows)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  expect(stack.log.filter((line) => /"level":"(?:error|fatal)"/.test(line))).toEqual([])
}

const send = (request: RawRequest) => stack.api.raw(request, account.session)
const validOf = (id: OperationId) => validRequests[id]({ memoryId, apiKeyId: account.keyId, userId: account.userId })

/** Sends all, a few at a time, and says what should not have happened. */
async function expectRefused(
  cases: readonly (readonly [what: string, request: RawRequest])[],
  statuses: readonly number[] = [400],
): Promise<void> {
  const wrong: string[] = []
  const waiting = [...cases]
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [what, request] = next
      const answer = await send(request).catch((error: unknown) => String(error))
      if (typeof answer === 'string') wrong.push(`${what}: ${answer}`)
      else if (!statuses.includes(answer.status)) wrong.push(`${what}: ${describeAnswer(answer)}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  expect(wrong).toEqual([])
  await expectNoTrace()
}

function describeAnswer({ status, text }: ApiAnswer): string {
  return `${status} ${text.slice(0, 200)}`
}

function withText(route: Route, id: OperationId, body: string | Buffer, type = 'application/json'): RawRequest {
  const { body: _, ...request } = rawRequest(route, validOf(id))
  return { ...request, headers: { 'content-type': type }, body }
}

interface JsonSchema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly properties?: Readonly<Record<string, JsonSchema>>
}

/** The JSON Schema of a body, which may be a reference to one of its definitions. */
function bodySchema(route: Route): JsonSchema {
  const schema = z.toJSONSchema(route.body!, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  return schema.$ref === undefined ? schema : schema.$defs![schema.$ref.replace('#/$defs/', '')]!
}

/** Paths of the fields of a body, those of objects in it included. */
function fieldsOf(schema: JsonSchema, prefix: readonly string[] = []): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    [...prefix, name],
    ...fieldsOf(field, [...prefix, name]),
  ])
}

/** A copy of `body` with another value at `path`. */
function changed(body: unknown, [name, ...rest]: readonly string[], value: unknown): object {
  const object = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  if (name === undefined) throw new Error('a path without a name')
  return { ...object, [name]: rest.length === 0 ? value : changed(object[name], rest, value) }
}

function label(value: unknown): string {
  return JSON.stringify(value).slice(0, 60)
}

describe('a field of a body with a value that its contract does not take', () => {
  test.each(withBody)('%s', async (id, route) => {
    const valid = validOf(id).body
    const fields = fieldsOf(bodySchema(route))
    expect(fields.length).toBeGreaterThan(0)
    const cases = fields.flatMap((path) =>
      ODD_VALUES.map((value) => [path, value, changed(valid, path, value)] as const)
        .filter(([, , body]) => !route.body!.safeParse(body).success)
        .map(
          ([, value, body]) =>
            [`${path.join('.')} = ${label(value)}`, withText(route, id, JSON.stringify(body))] as const,
        ),
    )
    expect(cases.length).toBeGreaterThan(fields.length)
    await expectRefused(cases)
  })
})

describe('an unknown field, wherever it stands', () => {
  test.each(withBody)('%s', async (id, route) => {
    const schema = bodySchema(route)
    const objects = [[], ...fieldsOf(schema).filter((path) => hasFields(schema, path))]
    const names = ['no_such_field', 'tenant_id', 'id', 'role_', 'version', 'constructor', 'toString', 'hasOwnProperty']
    const cases = objects.flatMap((path) =>
      names
        .map((name) => [name, changed(validOf(id).body, [...path, name], 1)] as const)
        .filter(([, body]) => !route.body!.safeParse(body).success)
        .map(([name, body]) => [[...path, name].join('.'), withText(route, id, JSON.stringify(body))] as const),
    )
    await expectRefused(cases)
  })

  function hasFields(schema: JsonSchema, path: readonly string[]): boolean {
    const found = path.reduce<JsonSchema | undefined>((at, name) => at?.properties?.[name], schema)
    return found?.properties !== undefined
  }
})

describe('a body that is not the JSON object it should be', () => {
  test.each(withBody)('%s', async (id, route) => {
    const field = Object.keys(validOf(id).body as object)[0]!
    const needsBody = !route.body!.safeParse(undefined).success
    const cases = brokenBodies(field)
      .filter(([, body]) => needsBody || body !== '')
      .map(([what, body]) => [what, withText(route, id, body)] as const)
    await expectRefused(cases)
  })
})

describe('a body of another type', () => {
  test.each(withBody)('%s', async (id, route) => {
    const body = JSON.stringify(validOf(id).body)
    const types = WRONG_TYPES.filter((type) => !(route.form && type.endsWith('urlencoded')))
    await expectRefused(
      types.map((type) => [type, withText(route, id, body, type)] as const),
      [415],
    )
  })
})

describe('a body that is too large', () => {
  test.each(withBody)('%s', async (id, route) => {
    const body = JSON.stringify({ x: 'x'.repeat(route.bodyLimit ?? 1_048_576) })
    await expectRefused([['one byte too many', withText(route, id, body)]], [413])
  })
})

describe('a query with a parameter that its contract does not take', () => {
  test.each(withQuery)('%s', async (_id, route) => {
    const names = [...Object.keys(route.query!.shape), 'no_such_parameter', '__proto__', 'tenant_id']
    const cases = names.flatMap((name) => {
      const odd = ODD_TEXTS.filter((text) => !route.query!.safeParse({ [name]: text }).success)
      const one = odd.map(
        (text) => [`${name}=${label(text)}`, search(route, `${name}=${encodeURIComponent(text)}`)] as const,
      )
      const twice = [`${name} twice`, search(route, `${name}=1&${name}=2`)] as const
      return [...one, twice, [`${name}[]`, search(route, `${name}[]=1`)] as const]
    })
    await expectRefused(cases)
  })

  test.each(withQuery.filter(([, route]) => !isEndless(route)))(
    '%s with one that it takes but cannot use answers, or says 400, 404 or 422',
    async (_id, route) => {
      const before = stack.log.length
      const names = Object.keys(route.query!.shape)
      for (const name of names) {
        for (const text of ODD_TEXTS.filter((odd) => route.query!.safeParse({ [name]: odd }).success)) {
          const answer = await send(search(route, `${name}=${encodeURIComponent(text)}`))
          expect([200, 400, 404, 422], `${name}=${label(text)}: ${describeAnswer(answer)}`).toContain(answer.status)
        }
      }
      expect(stack.log.slice(before).filter((line) => /"level":"(?:error|fatal)"/.test(line))).toEqual([])
      await settled(stack)
      rows = await countRows(stack)
    },
  )

  const search = (route: Route, query: string): RawRequest => ({ method: route.method, path: `${route.path}?${query}` })
})

describe('routes without a query take none', () => {
  test.each(routes.filter(([, route]) => route.query === undefined))('%s', async (id, route) => {
    const request = rawRequest(route, validOf(id))
    const queries = ['dry_run=true', '%', '%00', '__proto__=1', 'a[b]=c', 'a=1&'.repeat(2000)]
    await expectRefused(queries.map((query) => [query, { ...request, path: `${request.path}?${query}` }] as const))
  })
})

describe('routes without a body take none', () => {
  test.each(routes.filter(([, route]) => route.method !== 'GET' && route.body === undefined))(
    '%s',
    async (id, route) => {
      const bodies = ['{"dry_run":true}', '{"__proto__":1}', '[]', 'null', '1', '{']
      await expectRefused(bodies.map((body) => [body, withText(route, id, body)] as const))
    },
  )
})

/** Clients resolve dots before they send: /v1/memories/../edges asks for /v1/edges, and nothing for an id. */
function isOfAnother({ method, path }: Route, id: string): boolean {
  const { pathname } = new URL(path.replaceAll(/:\w+/g, encodeURIComponent(id)), 'http://localhost')
  return routes.some(([, other]) => other.method === method && other.path === pathname)
}

describe('an id that is none', () => {
  test.each(withId)('%s', async (id, route) => {
    // Ids of subjects are the caller's own words.
    const bad = BAD_IDS.filter((value) => !route.params?.safeParse({ id: value }).success && !isOfAnother(route, value))
    const cases = bad.map((value) => [value, rawRequest(route, { ...validOf(id), params: { id: value } })] as const)
    await expectRefused(cases, [400, 404])
  })
})

describe('a header that its route names, with a value that it does not take', () => {
  test.each(withHeaders)('%s', async (id, route) => {
    const bad = ['x', '*', '"', '"1', '1.5', '-1', '99999999999', '1, 2', 'W/"x"', '"\xe9"']
    const cases = Object.keys(route.headers!.shape).flatMap((name) =>
      bad
        .filter((value) => !route.headers!.safeParse({ [name]: value }).success)
        .map(
          (value) => [`${name}: ${value}`, rawRequest(route, { ...validOf(id), headers: { [name]: value } })] as const,
        ),
    )
    await expectRefused(cases)
  })
})

describe('a field of a body with an odd value that its contract takes', () => {
  const keeping: OperationId[] = [
    'createApiKey',
    'createUser',
    'createInvitation',
    'createMemory',
    'updateMemory',
    'searchMemories',
  ]
  test.each(withBody.filter(([id]) => keeping.includes(id)))('%s', async (id, route) => {
    const before = stack.log.length
    for (const path of fieldsOf(bodySchema(route))) {
      for (const value of ODD_VALUES) {
        const body = changed(validOf(id).body, path, value)
        if (!route.body!.safeParse(body).success) continue
        const { status, text } = await stack.api.call(id, account.session, { ...validOf(id), body })
        expect([200, 201, 422], `${path.join('.')} = ${label(value)}: ${text}`).toContain(status)
      }
    }
    expect(stack.log.slice(before).filter((line) => /"level":"(?:error|fatal)"/.test(line))).toEqual([])
  })
})

test('in a batch, what is wrong with one item keeps no other from being stored', async () => {
  const wrong = ODD_VALUES.filter((value) => typeof value !== 'object' || !('content' in (value ?? {}))).slice(0, 20)
  const items = [
    { content: 'good one' },
    ...wrong,
    { content: 'good two', no_such_field: 1 },
    { content: 'good three' },
  ]
  const answer = await stack.api.ok('createMemories', account.session, { body: { items } })
  expect(answer.items.map(({ status }) => status)).toEqual([201, ...wrong.map(() => 400), 400, 201])
})

import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import { openApiDocument } from '../src/openapi.ts'
import type { Route } from '../src/route.ts'
import { ROUTES } from '../src/route-table.ts'

interface Operation {
  readonly operationId: string
  readonly security: readonly unknown[]
  readonly parameters: readonly { name: string; in: string; required: boolean }[]
  readonly requestBody?: { readonly required: boolean }
  readonly responses: Readonly<Record<string, unknown>>
  readonly 'x-permission': string
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Record<string, unknown>>> }
}

const raw = openApiDocument('1.2.3')
const document = raw as unknown as Document
const operations = Object.values(document.paths).flatMap((path) => Object.values(path))

function references(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : references(value),
  )
}

function operation(method: string, path: string): Operation {
  const found = document.paths[path]?.[method]
  if (found === undefined) throw new Error(`no ${method} ${path}`)
  return found
}

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    expect(await validator.validate(structuredClone(raw))).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  test('has one operation for each route', () => {
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(ROUTES).sort())
  })

  test('names only schemas that it has, and has none that it does not name', () => {
    const named = new Set(references(raw).map((reference) => reference.replace('#/components/schemas/', '')))
    expect([...named].sort()).toEqual(Object.keys(document.components.schemas).sort())
  })

  test('is JSON, without leftovers of the schema library', () => {
    const text = JSON.stringify(raw)
    expect(JSON.parse(text)).toEqual(raw)
    expect(text).not.toMatch(/\$defs|~standard|\$schema/)
  })

  test('is the same each time', () => {
    expect(JSON.stringify(openApiDocument('1.2.3'))).toBe(JSON.stringify(raw))
  })

  test('asks for a credential exactly where the route does', () => {
    for (const { operationId, security, 'x-permission': access } of operations) {
      const route: Route = ROUTES[operationId as keyof typeof ROUTES]
      expect(access).toBe(route.access)
      expect(security.length > 0).toBe(route.access !== 'anyone')
    }
  })

  test('describes path, query and header parameters with what is required', () => {
    expect(operation('get', '/v1/memories/{id}').parameters).toMatchObject([{ name: 'id', in: 'path', required: true }])
    const list = operation('get', '/v1/memories').parameters
    expect(list.map(({ name }) => name)).toEqual(expect.arrayContaining(['limit', 'cursor', 'subject_id']))
    expect(list.filter(({ required }) => required)).toEqual([])
    const update = operation('patch', '/v1/memories/{id}').parameters
    expect(update).toContainEqual(expect.objectContaining({ name: 'if-match', in: 'header', required: false }))
  })

  test('describes a form where one is taken, and nowhere a header that OpenAPI would ignore', () => {
    const FORM = 'application/x-www-form-urlencoded'
    const taking = operations.filter(({ requestBody }) => JSON.stringify(requestBody ?? {}).includes(FORM))
    expect(taking.map(({ operationId }) => operationId)).toEqual(['issueToken'])
    const schema = { $ref: '#/components/schemas/IssueToken' }
    expect(taking[0]?.requestBody).toMatchObject({ content: { 'application/json': { schema }, [FORM]: { schema } } })
    expect(operations.flatMap(({ parameters }) => parameters).filter(({ name }) => name === 'authorization')).toEqual(
      [],
    )
  })

  test('describes bodies as they are sent: defaults are optional, names of importance are allowed', () => {
    const { Search, CreateMemory } = document.components.schemas
    expect(Search?.['required']).toBeUndefined()
    expect(CreateMemory?.['required']).toEqual(['content'])
    expect(JSON.stringify(CreateMemory?.['properties'])).toContain('"critical"')
  })

  test('says which bodies may be left out', () => {
    const optional = operations.filter(({ requestBody }) => requestBody?.required === false)
    expect(optional.map(({ operationId }) => operationId).sort()).toEqual([
      'enrollTotp',
      'promoteMemory',
      'rebuildClusters',
      'rotateApiKey',
    ])
  })

  test('says that unknown fields are refused', () => {
    for (const name of ['CreateMemory', 'UpdateMemory', 'Search', 'Login', 'Register', 'CreateApiKey']) {
      expect(document.components.schemas[name]).toMatchObject({ type: 'object', additionalProperties: false })
    }
  })

  test('says that every operation can end in a problem', () => {
    const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
    for (const { responses } of operations) expect(responses['default']).toMatchObject({ content })
  })
})

import { z } from 'zod'
import { problem } from './error-codes.ts'
import type { Access, Route } from './route.ts'
import { ROUTES } from './route-table.ts'

type Json = Record<string, unknown>

const COMPONENT_URI = '#/components/schemas/'

/** JSON Schema (2020-12) of `schema`; schemas with an id become references and land in `components`. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const {
    $schema: _,
    $defs,
    ...root
  } = z.toJSONSchema(schema, { io, reused: 'inline', unrepresentable: 'any' }) as Json
  for (const [id, definition] of Object.entries(($defs ?? {}) as Json)) components[id] = relinked(definition)
  return relinked(root) as Json
}

/** Points `#/$defs/X` at the components of the document and drops ids. */
function relinked(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(relinked)
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key, value]) => !(key === 'id' && typeof value === 'string'))
      .map(([key, value]) => [
        key,
        key === '$ref' && typeof value === 'string' ? value.replace('#/$defs/', COMPONENT_URI) : relinked(value),
      ]),
  )
}

/** Authorization is not described as a parameter: OpenAPI says to ignore one of this name. */
function parameters(place: 'path' | 'query' | 'header', schema: z.ZodObject | undefined, components: Json): Json[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = jsonSchema(schema, place === 'query' ? 'output' : 'input', components) as {
    properties?: Json
    required?: string[]
  }
  const named = Object.entries(properties).filter(([name]) => !(place === 'header' && name === 'authorization'))
  return named.map(([name, shape]) => {
    const isRequired = place === 'path' || (required.includes(name) && !hasDefault(shape))
    return { name, in: place, required: isRequired, schema: shape }
  })
}

function hasDefault(shape: unknown): boolean {
  return typeof shape === 'object' && shape !== null && 'default' in shape
}

function answerContent(route: Route, status: string, schema: z.ZodType, components: Json): Json {
  if (route.stream !== undefined && status === '200') {
    return Object.fromEntries(route.stream.map((type) => [type, { schema: { type: 'string', format: 'binary' } }]))
  }
  return { 'application/json': { schema: jsonSchema(schema, 'output', components) } }
}

function responses(route: Route, components: Json): Json {
  const answers = Object.entries(route.responses).map(([status, schema]): [string, Json] => [
    status,
    schema === null
      ? { description: 'Done' }
      : { description: 'Done', content: answerContent(route, status, schema, components) },
  ])
  const failure = {
    description: 'A problem (RFC 9457); its code says which',
    content: { 'application/problem+json': { schema: jsonSchema(problem, 'output', components) } },
  }
  return { ...Object.fromEntries(answers), default: failure }
}

function security(access: Access): Json[] {
  return access === 'anyone' ? [] : [{ bearer: [] }, { api_key: [] }]
}

function bodyContent(route: Route, body: z.ZodType, components: Json): Json {
  const described = { schema: jsonSchema(body, 'input', components) }
  return { 'application/json': described, ...(route.form && { 'application/x-www-form-urlencoded': described }) }
}

function operation(id: string, route: Route, components: Json): Json {
  const body = route.body && {
    requestBody: {
      required: !route.body.safeParse(undefined).success,
      content: bodyContent(route, route.body, components),
    },
  }
  return {
    operationId: id,
    tags: [route.path.split('/')[2]],
    summary: route.summary,
    ...(route.description && { description: route.description }),
    'x-permission': route.access,
    security: security(route.access),
    parameters: [
      ...parameters('path', route.params, components),
      ...parameters('query', route.query, components),
      ...parameters('header', route.headers, components),
    ],
    ...body,
    responses: responses(route, components),
  }
}

/** The OpenAPI 3.1 document of the public API, made from the route table alone. */
export function openApiDocument(version: string): Json {
  const components: Json = {}
  const paths: Record<string, Json> = {}
  for (const [id, route] of Object.entries(ROUTES) as [string, Route][]) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(id, route, components) }
  }
  const schemas = Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1)))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Memoric',
      version,
      summary: 'Memory for AI agents: encrypted, isolated, audited',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'access token, or an API key mk_...' },
        api_key: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
    },
  }
}

import { z } from 'zod'
import { edgeId, memoryId } from './ids.ts'
import { memory } from './memory-contract.ts'
import { page, pageQuery } from './page.ts'
import type { Route } from './route.ts'
import { identifier, jsonObject, jsonValue, timestamp } from './text.ts'

/** What an edge may say of its two memories, and whether edges of the type may lead in a circle. */
export const EDGE_TYPES = {
  relates_to: { cycles: true },
  supports: { cycles: true },
  contradicts: { cycles: true },
  causes: { cycles: true },
  depends_on: { cycles: false },
  part_of: { cycles: false },
  derived_from: { cycles: false },
  supersedes: { cycles: false },
} as const satisfies Record<string, { readonly cycles: boolean }>

export type EdgeType = keyof typeof EDGE_TYPES
const TYPE_NAMES = Object.keys(EDGE_TYPES) as [EdgeType, ...EdgeType[]]
export const edgeType = z.enum(TYPE_NAMES)

export const EDGE_LIMITS = { propertiesBytes: 4096, ofMemory: 1000, depth: 5, nodes: 200 } as const

export const EDGE_DIRECTIONS = ['out', 'in', 'both'] as const
export const edgeDirection = z.enum(EDGE_DIRECTIONS)
export type EdgeDirection = z.infer<typeof edgeDirection>

export const createEdgeBody = z
  .strictObject({
    from: memoryId,
    to: memoryId,
    type: edgeType.describe(
      'what `from` is to `to`: depends_on, part_of, derived_from and supersedes lead in no circle',
    ),
    properties: jsonObject(EDGE_LIMITS.propertiesBytes).optional().describe('anything about the link, at most 4 KiB'),
  })
  .refine(({ from, to }) => from !== to, { path: ['to'], error: 'must be another memory than from' })
  .meta({ id: 'CreateEdge' })
export type CreateEdge = z.output<typeof createEdgeBody>

export const edge = z
  .object({
    id: edgeId,
    type: edgeType,
    from: memoryId,
    to: memoryId,
    subject_id: z.string().describe('whose memory it leaves'),
    to_subject_id: z.string(),
    properties: z.record(z.string(), jsonValue),
    created_at: timestamp,
    created_by: z.string().describe('<type>:<id> of who made it'),
  })
  .meta({ id: 'Edge' })
export type Edge = z.input<typeof edge>

export const listEdgesQuery = z.strictObject({
  ...pageQuery,
  subject_id: identifier.optional().describe('edges that leave a memory of this subject'),
  type: edgeType.optional(),
})
export type ListEdgesQuery = z.output<typeof listEdgesQuery>

export const listEdgesOfMemoryQuery = z.strictObject({
  ...pageQuery,
  type: edgeType.optional(),
  direction: edgeDirection.default('both'),
})
export type ListEdgesOfMemoryQuery = z.output<typeof listEdgesOfMemoryQuery>

export const traverseBody = z
  .strictObject({
    from: memoryId,
    types: z.array(edgeType).min(1).max(TYPE_NAMES.length).optional().describe('every type when left out'),
    direction: edgeDirection.default('out'),
    depth: z.int().min(1).max(EDGE_LIMITS.depth).default(2).describe('most edges between a memory and `from`'),
    limit: z.int().min(1).max(EDGE_LIMITS.nodes).default(50).describe('most memories besides `from`'),
  })
  .meta({ id: 'TraverseEdges' })
export type TraverseRequest = z.output<typeof traverseBody>

export const traverseAnswer = z
  .object({
    nodes: z
      .array(
        z.object({
          memory,
          depth: z.int(),
          path: z.array(edgeId).describe('the edges by which it was reached first, from the beginning on'),
        }),
      )
      .describe('in breadth-first order, `from` first'),
    edges: z.array(edge).describe('the edges of the paths, in the order in which they were walked'),
    truncated: z.boolean().describe('there is more within the depth than was asked for'),
  })
  .meta({ id: 'TraversedEdges' })
export type TraverseAnswer = z.input<typeof traverseAnswer>

/** Most edges that are walked from the memories of one depth. */
export const EDGES_OF_DEPTH = 2000

export const edgeRoutes = {
  createEdge: {
    method: 'POST',
    path: '/v1/edges',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Link two memories',
    description:
      'The same link again answers 200. A link of a type without circles that would close one is refused with 409 edge_cycle.',
    body: createEdgeBody,
    responses: { 201: edge, 200: edge },
  },
  listEdges: {
    method: 'GET',
    path: '/v1/edges',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Edges, newest first',
    query: listEdgesQuery,
    responses: { 200: page(edge) },
  },
  traverseEdges: {
    method: 'POST',
    path: '/v1/edges/traverse',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'The memories that edges lead to, with the way to each',
    body: traverseBody,
    responses: { 200: traverseAnswer },
  },
  deleteEdge: {
    method: 'DELETE',
    path: '/v1/edges/:id',
    app: 'memory',
    access: 'memories:delete',
    rate: 'write',
    summary: 'Delete an edge; both memories stay',
    params: z.strictObject({ id: edgeId }),
    responses: { 204: null },
  },
  listEdgesOfMemory: {
    method: 'GET',
    path: '/v1/memories/:id/edges',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Edges of a memory, newest first',
    params: z.strictObject({ id: memoryId }),
    query: listEdgesOfMemoryQuery,
    responses: { 200: page(edge) },
  },
} as const satisfies Record<string, Route>

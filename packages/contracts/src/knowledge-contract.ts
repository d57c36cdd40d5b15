import { z } from 'zod'
import { idempotencyKey } from './idempotency-key.ts'
import { ifMatch, MEMORY_LIMITS } from './memory-contract.ts'
import { listNotesQuery, noteBody, noteChanges, noteParams, noteView } from './note-contract.ts'
import { page } from './page.ts'
import type { Route } from './route.ts'
import { text, textBytes } from './text.ts'

/** A title may have four bytes a character; with it a note fits into a memory. */
export const KNOWLEDGE_LIMITS = { titleCharacters: 200, contentBytes: MEMORY_LIMITS.contentBytes - 1024 } as const

/** The role of the memories by which a search finds knowledge notes. */
export const KNOWLEDGE_ROLE = 'knowledge'

const title = text(KNOWLEDGE_LIMITS.titleCharacters).regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { error: 'must be one line' })
const content = textBytes(KNOWLEDGE_LIMITS.contentBytes)
const label = text(128)

export const createKnowledgeBody = z
  .strictObject({
    ...noteBody,
    title: title.optional(),
    content: content.describe('what is known, at most 31 KiB'),
    topic: label.optional(),
    category: label.optional(),
  })
  .meta({ id: 'CreateKnowledge' })
export type CreateKnowledge = z.output<typeof createKnowledgeBody>

export const updateKnowledgeBody = z
  .strictObject({
    ...noteChanges,
    title: title.nullable().optional(),
    content: content.optional(),
    topic: label.nullable().optional(),
    category: label.nullable().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'must name at least one field to change' })
  .meta({ id: 'UpdateKnowledge' })
export type UpdateKnowledge = z.output<typeof updateKnowledgeBody>

export const knowledge = z
  .object({
    ...noteView,
    title: z.string().nullable(),
    content: z.string(),
    topic: z.string().nullable(),
    category: z.string().nullable(),
  })
  .meta({ id: 'Knowledge' })
export type Knowledge = z.input<typeof knowledge>

export const knowledgeRoutes = {
  createKnowledge: {
    method: 'POST',
    path: '/v1/knowledge',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Write down what is known',
    headers: idempotencyKey,
    body: createKnowledgeBody,
    responses: { 201: knowledge },
  },
  listKnowledge: {
    method: 'GET',
    path: '/v1/knowledge',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Knowledge notes of a subject, newest first; those that still hold unless others are asked for',
    query: listNotesQuery,
    responses: { 200: page(knowledge) },
  },
  getKnowledge: {
    method: 'GET',
    path: '/v1/knowledge/:id',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'One knowledge note, superseded or not',
    params: noteParams,
    responses: { 200: knowledge },
  },
  updateKnowledge: {
    method: 'PATCH',
    path: '/v1/knowledge/:id',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Change a knowledge note; the version before stays in the history of its memory',
    params: noteParams,
    headers: ifMatch,
    body: updateKnowledgeBody,
    responses: { 200: knowledge },
  },
  deleteKnowledge: {
    method: 'DELETE',
    path: '/v1/knowledge/:id',
    app: 'memory',
    access: 'memories:delete',
    rate: 'write',
    summary: 'Delete a knowledge note with its versions and its memory',
    description: 'What it superseded holds again, or is superseded by what superseded it.',
    params: noteParams,
    responses: { 204: null },
  },
  supersedeKnowledge: {
    method: 'POST',
    path: '/v1/knowledge/:id/supersede',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Write a knowledge note that takes the place of this one',
    params: noteParams,
    headers: idempotencyKey,
    body: createKnowledgeBody,
    responses: { 201: knowledge },
  },
} as const satisfies Record<string, Route>

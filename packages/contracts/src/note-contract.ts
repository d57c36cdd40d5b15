import { z } from 'zod'
import { personName } from './handoff-contract.ts'
import { memoryId } from './ids.ts'
import { MEMORY_LIMITS } from './memory-contract.ts'
import { pageQuery } from './page.ts'
import { standing, statedProvenance, trust } from './provenance-contract.ts'
import { identifier, text, timestamp } from './text.ts'

export const NOTE_LIMITS = { sources: 50 } as const

/** How sure a note is when nobody says. */
export const DEFAULT_CONFIDENCE = 0.8

/** What is written down to hold until something else takes its place. */
export const NOTE_KINDS = ['knowledge', 'decision'] as const
export type NoteKind = (typeof NOTE_KINDS)[number]

export const noteStatus = z.enum(['active', 'superseded'])
export type NoteStatus = z.infer<typeof noteStatus>

const confidence = z.number().min(0).max(1)
const noteTags = z.array(text(MEMORY_LIMITS.tagCharacters)).max(MEMORY_LIMITS.tags)
const sources = z
  .array(memoryId)
  .max(NOTE_LIMITS.sources)
  .refine((ids) => new Set(ids).size === ids.length, { error: 'must name each memory once' })

/** What callers may say of any note besides what it says. */
export const noteBody = {
  subject_id: identifier.optional().describe('the agent or person that knows it'),
  namespace: identifier.optional(),
  with_whom: personName
    .optional()
    .describe('who it is about or was entrusted by: a wake-up for a session with somebody else leaves it out'),
  tags: noteTags.default([]),
  sources: sources.default([]).describe('ids of memories of the same subject that it comes from'),
  confidence: confidence.default(DEFAULT_CONFIDENCE).describe('0..1: how sure it is'),
  ...statedProvenance,
}

/** The same where a note is changed. */
export const noteChanges = {
  with_whom: personName.nullable().optional(),
  tags: noteTags.optional(),
  sources: sources.optional(),
  confidence: confidence.optional(),
  ...statedProvenance,
}

/** What every note has. */
export const noteView = {
  id: memoryId.describe('also the id of the memory by which a search finds it'),
  subject_id: z.string(),
  namespace: z.string(),
  version: z.int(),
  status: noteStatus,
  with_whom: z.string().nullable(),
  tags: z.array(z.string()),
  sources: z.array(memoryId),
  confidence: z.number(),
  supersedes: memoryId.nullable().describe('the one whose place it took'),
  superseded_by: memoryId.nullable().describe('the one that took its place'),
  superseded_at: timestamp.nullable(),
  trust,
  standing,
  written_by: z.string().describe('<type>:<id> of who wrote this version'),
  created_at: timestamp,
  updated_at: timestamp,
}

export const listNotesQuery = z.strictObject({
  ...pageQuery,
  subject_id: identifier.optional(),
  namespace: identifier.optional(),
  status: z.enum([...noteStatus.options, 'all']).default('active'),
})
export type ListNotesQuery = z.output<typeof listNotesQuery>

export const noteParams = z.strictObject({ id: memoryId })

import { HANDOFF_LIMITS } from '@memoric/contracts/handoff-contract.ts'
import { createMemoryBody, memory } from '@memoric/contracts/memory-contract.ts'
import { memoryId, tenantId, uuid } from '@memoric/contracts/ids.ts'
import { identifier, identifierOf, jsonValue, text, timestamp } from '@memoric/contracts/text.ts'
import { THREAD_LIMITS } from '@memoric/contracts/thread-contract.ts'
import { z } from 'zod'

/** Name and version of the format: lines of JSON, a header first and a trailer last. */
export const FORMAT = 'memoric-export'
export const FORMAT_VERSION = 1

const given = createMemoryBody.shape

const attributes = {
  content: given.content,
  role: given.role.unwrap().nullable(),
  speaker: given.speaker.unwrap().nullable(),
  topic: given.topic.unwrap().nullable(),
  category: given.category.unwrap().nullable(),
  entities: given.entities.unwrap(),
  tags: given.tags.unwrap(),
  metadata: given.metadata.unwrap(),
  tier: memory.shape.tier,
  importance: z.number().min(0).max(1),
  occurred_at: timestamp,
  expires_at: timestamp.nullable(),
}

const count = z.int().min(0)
/** A handoff may be of a session with a longer name. */
const sessionId = identifierOf(HANDOFF_LIMITS.sessionId)
const version = z.int().min(1).max(2_147_483_647)

export const headerLine = z.strictObject({
  type: z.literal('header'),
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  tenant_id: tenantId,
  subject_id: z.string().nullable(),
  made_at: timestamp,
})
export type HeaderLine = z.infer<typeof headerLine>

export const memoryLine = z.strictObject({
  type: z.literal('memory'),
  id: memoryId,
  subject_id: identifier,
  namespace: identifier,
  thread_id: identifier.nullable(),
  session_id: sessionId.nullable(),
  seq: z.int().min(1),
  version,
  ...attributes,
  seen_count: z.int().min(1).max(2_147_483_647),
  created_at: timestamp,
  updated_at: timestamp,
})
export type MemoryLine = z.infer<typeof memoryLine>

/** A replaced version of the memory before it. */
export const versionLine = z.strictObject({
  type: z.literal('memory_version'),
  memory_id: memoryId,
  version,
  ...attributes,
  written_at: timestamp,
  replaced_at: timestamp,
})
export type VersionLine = z.infer<typeof versionLine>

/** A change of what a subject consents to. */
export const consentLine = z.strictObject({
  type: z.literal('consent'),
  subject_id: identifier,
  id: uuid,
  purpose: z.string().min(1).max(128),
  version,
  status: z.enum(['granted', 'withdrawn']),
  granted_at: timestamp.nullable(),
  expires_at: timestamp.nullable(),
  recorded_at: timestamp,
  recorded_by: z.string().min(1).max(256),
  evidence: jsonValue.nullable(),
})
export type ConsentLine = z.infer<typeof consentLine>

const { experienced, noticed, learned, story, becoming, remember } = HANDOFF_LIMITS
const principal = z.string().min(1).max(256)

const told = {
  version,
  with_whom: text(HANDOFF_LIMITS.withWhom),
  experienced: text(experienced).nullable(),
  noticed: text(noticed).nullable(),
  learned: text(learned).nullable(),
  story: text(story).nullable(),
  becoming: text(becoming).nullable(),
  remember: text(remember).nullable(),
  significance: z.number().min(0).max(1),
  tags: z.array(text(HANDOFF_LIMITS.tagCharacters)).max(HANDOFF_LIMITS.tags),
  occurred_at: timestamp,
  written_by: principal,
}

/** A handoff; its memory, which has the same id, is a line of its own. */
export const handoffLine = z.strictObject({
  type: z.literal('handoff'),
  subject_id: identifier,
  id: memoryId,
  namespace: identifier,
  session_id: sessionId,
  ...told,
  created_at: timestamp,
  updated_at: timestamp,
  becoming_by: principal.nullable(),
  becoming_at: timestamp.nullable(),
})
export type HandoffLine = z.infer<typeof handoffLine>

/** A replaced version of a handoff. */
export const handoffVersionLine = z.strictObject({
  type: z.literal('handoff_version'),
  subject_id: identifier,
  handoff_id: memoryId,
  handoff_created_at: timestamp,
  namespace: identifier,
  ...told,
  written_at: timestamp,
  replaced_at: timestamp,
})
export type HandoffVersionLine = z.infer<typeof handoffVersionLine>

/** A person with all names. */
export const personLine = z.strictObject({
  type: z.literal('person'),
  subject_id: identifier,
  id: uuid,
  version,
  updated_at: timestamp,
  name: text(HANDOFF_LIMITS.withWhom),
  aliases: z.array(text(HANDOFF_LIMITS.withWhom)).max(50),
})
export type PersonLine = z.infer<typeof personLine>

/** What is known of a thread besides its memories. */
export const threadLine = z.strictObject({
  type: z.literal('thread'),
  subject_id: identifier,
  namespace: identifier,
  thread_id: identifier,
  id: uuid,
  version,
  title: text(THREAD_LIMITS.titleCharacters).nullable(),
  archived_at: timestamp.nullable(),
  updated_at: timestamp,
})
export type ThreadLine = z.infer<typeof threadLine>

export const trailerLine = z.strictObject({
  type: z.literal('trailer'),
  lines: count.describe('lines before this one'),
  counts: z.record(z.string(), count),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be a SHA-256 in hex' }),
})
export type TrailerLine = z.infer<typeof trailerLine>

/** A line between header and trailer. */
export type ExportLine =
  MemoryLine | VersionLine | ConsentLine | HandoffLine | HandoffVersionLine | PersonLine | ThreadLine

/** A line as it stands in the file. */
export function lineText(line: ExportLine | HeaderLine | TrailerLine): string {
  return `${JSON.stringify(line)}\n`
}

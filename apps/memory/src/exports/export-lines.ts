import { CAPSULE_LIMITS } from '@memoric/contracts/capsule-contract.ts'
import { EDIT_LIMITS, editOperation, editStatus } from '@memoric/contracts/edit-contract.ts'
import { edgeType } from '@memoric/contracts/edge-contract.ts'
import { HANDOFF_LIMITS } from '@memoric/contracts/handoff-contract.ts'
import { CONSOLIDATION_PERIODS } from '@memoric/contracts/policy-contract.ts'
import { createMemoryBody, enrichedField, memory } from '@memoric/contracts/memory-contract.ts'
import { edgeId, capsuleId, editId, memoryId, tenantId, uuid } from '@memoric/contracts/ids.ts'
import { source, standing, trust } from '@memoric/contracts/provenance-contract.ts'
import { identifier, identifierOf, jsonValue, text, timestamp } from '@memoric/contracts/text.ts'
import { NOTE_KINDS, NOTE_LIMITS } from '@memoric/contracts/note-contract.ts'
import { TASK_LIMITS } from '@memoric/contracts/task-contract.ts'
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
  sentiment: z.number().min(-1).max(1).nullable().default(null),
  enriched: z.array(enrichedField).default([]),
  occurred_at: timestamp,
  expires_at: timestamp.nullable(),
  // Left out in files of before these were kept.
  provenance: z
    .strictObject({ written_by: text(256).nullable(), key_id: z.string().nullable(), source: source.nullable() })
    .optional(),
  trust: trust.optional(),
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
  standing: standing.optional(),
  standing_factor: z.number().min(0).max(1).optional(),
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

/** Another record, and when it was made, by which an import finds it again; null for what is not there any more. */
const reference = z.strictObject({ id: memoryId, created_at: timestamp.nullable() })
export type Reference = z.infer<typeof reference>

const beside = {
  subject_id: identifier,
  id: memoryId,
  namespace: identifier,
  with_whom: text(HANDOFF_LIMITS.withWhom).nullable(),
  created_at: timestamp,
  written_by: principal,
}

/** What a knowledge note or a decision has beside its memory, which has the same id and is a line of its own. */
export const noteLine = z.strictObject({
  type: z.literal('note'),
  ...beside,
  kind: z.enum(NOTE_KINDS),
  confidence: z.number().min(0).max(1),
  sources: z.array(reference).max(NOTE_LIMITS.sources),
  supersedes: reference.nullable(),
  superseded_by: reference.nullable(),
  superseded_at: timestamp.nullable(),
})
export type NoteLine = z.infer<typeof noteLine>

/** What a task has beside its memory, without the claim on it. */
export const taskLine = z.strictObject({
  type: z.literal('task'),
  ...beside,
  priority: z.number().min(0).max(1),
  due_at: timestamp.nullable(),
  depends_on: z.array(reference).max(TASK_LIMITS.dependsOn),
  times_claimed: count,
  outcome: z.enum(['done', 'cancelled']).nullable(),
  ended_at: timestamp.nullable(),
  ended_by: principal.nullable(),
})
export type TaskLine = z.infer<typeof taskLine>

/** What was proposed against a memory, and what became of it. */
export const editLine = z.strictObject({
  type: z.literal('edit'),
  subject_id: identifier,
  id: editId,
  memory_id: memoryId,
  memory_created_at: timestamp,
  memory_version: version,
  namespace: identifier,
  operation: editOperation,
  factor: z.number().min(EDIT_LIMITS.leastFactor).max(EDIT_LIMITS.mostFactor).nullable(),
  status: editStatus,
  version,
  reason: text(EDIT_LIMITS.reasonCharacters),
  proposed_by: text(256),
  proposed_at: timestamp,
  decided_by: text(256).nullable(),
  decided_at: timestamp.nullable(),
  decision_reason: text(EDIT_LIMITS.reasonCharacters).nullable(),
  undone_by: text(256).nullable(),
  undone_at: timestamp.nullable(),
  undo_reason: text(EDIT_LIMITS.reasonCharacters).nullable(),
})
export type EditLine = z.infer<typeof editLine>

/** A capsule, and which memories are in it. */
export const capsuleLine = z.strictObject({
  type: z.literal('capsule'),
  subject_id: identifier,
  id: capsuleId,
  name: text(CAPSULE_LIMITS.name),
  note: text(CAPSULE_LIMITS.note).nullable(),
  audience: z.array(text(256)).max(CAPSULE_LIMITS.audience),
  created_by: text(256),
  created_at: timestamp,
  expires_at: timestamp,
  memories: z
    .array(z.strictObject({ memory_id: memoryId, version, created_at: timestamp }))
    .max(CAPSULE_LIMITS.memories),
})
export type CapsuleLine = z.infer<typeof capsuleLine>

const found = { id: memoryId, created_at: timestamp }
const day = z.iso.date()

/** What a reflection or a principle was made of; its memory, which has the same id, is a line of its own. */
export const reflectionLine = z
  .strictObject({
    type: z.literal('reflection'),
    subject_id: identifier,
    id: memoryId,
    created_at: timestamp,
    namespace: identifier,
    kind: z.enum([...CONSOLIDATION_PERIODS, 'principle']),
    with_whom: text(HANDOFF_LIMITS.withWhom).nullable(),
    from: day,
    to: day,
    confidence: z.number().min(0).max(1),
    seed: z
      .strictObject({ ...found, nth: count })
      .nullable()
      .describe('of a principle: the handoff that it began with, and which sentence'),
    sources: z.array(z.strictObject({ ...found, version })).max(200),
  })
  .refine(({ kind, seed }) => (kind === 'principle') === (seed !== null), {
    path: ['seed'],
    error: 'must be that of a principle',
  })
export type ReflectionLine = z.infer<typeof reflectionLine>

/** A link between two memories, of which the first is one of the subject. */
export const edgeLine = z.strictObject({
  type: z.literal('edge'),
  subject_id: identifier,
  id: edgeId,
  edge_type: edgeType,
  from: z.strictObject(found),
  to: z.strictObject(found),
  to_subject_id: identifier,
  properties: z.record(z.string(), jsonValue),
  created_at: timestamp,
  created_by: principal,
})
export type EdgeLine = z.infer<typeof edgeLine>

export const trailerLine = z.strictObject({
  type: z.literal('trailer'),
  lines: count.describe('lines before this one'),
  counts: z.record(z.string(), count),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be a SHA-256 in hex' }),
})
export type TrailerLine = z.infer<typeof trailerLine>

/** A line between header and trailer. */
export type ExportLine =
  | MemoryLine
  | VersionLine
  | ConsentLine
  | HandoffLine
  | HandoffVersionLine
  | PersonLine
  | ThreadLine
  | NoteLine
  | TaskLine
  | EditLine
  | CapsuleLine
  | ReflectionLine
  | EdgeLine

/** A line as it stands in the file. */
export function lineText(line: ExportLine | HeaderLine | TrailerLine): string {
  return `${JSON.stringify(line)}\n`
}

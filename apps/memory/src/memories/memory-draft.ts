import { createHmac } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { MemoryId } from '@memoric/contracts/ids.ts'
import {
  DEFAULT_NAMESPACE,
  DEFAULT_SUBJECT,
  IMPORTANCE_LEVELS,
  type CreateMemory,
  type Tier,
} from '@memoric/contracts/memory-contract.ts'
import { encodeFields } from '@memoric/crypto/bytes.ts'
import { namespaceFor, subjectFor } from '@memoric/service/caller-limits.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { RoutedMemory } from '../policies/route-memory.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { type Provenance, provenanceOf } from '../provenance/provenance.ts'
import type { SubjectLock } from './subject-lock-repository.ts'
import { sealAttributes, type PrivateAttributes } from './private-attributes.ts'

/** A memory that is ready to be written but for its number in the subject. */
export interface MemoryDraft {
  readonly id: MemoryId
  readonly subjectId: string
  readonly namespace: string
  readonly threadId: string | null
  readonly sessionId: string | null
  readonly tier: Tier
  readonly importance: number
  readonly occurredAt: Date
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly fingerprint: Buffer
  readonly sealed: Buffer
  /** Version of the subject's key that it is sealed with. */
  readonly keyVersion: number
  readonly consent: NonNullable<SubjectLock['consent']>
  readonly attributes: PrivateAttributes
  readonly provenance: Provenance
  /** Whether the same content in the same thread is to be reinforced instead. */
  readonly reinforces: boolean
}

/** Length of a fingerprint, bytes: 128 bits, so that chance never makes two contents equal. */
const FINGERPRINT_BYTES = 16

/** What makes two memories of a subject the same. */
export interface Sameness {
  readonly namespace: string
  readonly threadId: string | null
  readonly content: string
}

/** Keyed hash by which the same content in the same namespace and thread of a subject is found again. */
export function fingerprintOf(keys: SubjectKeys, { namespace, threadId, content }: Sameness): Buffer {
  const fields = encodeFields([namespace, threadId === null ? 0 : 1, threadId ?? '', content])
  return createHmac('sha256', keys.fingerprintKey).update(fields).digest().subarray(0, FINGERPRINT_BYTES)
}

/** Stands in the place of a fingerprint where a memory has the words of a record: the same words from elsewhere are a memory of their own. */
export function fingerprintOfRecord(keys: SubjectKeys, id: MemoryId): Buffer {
  const fields = encodeFields(['record', id])
  return createHmac('sha256', keys.fingerprintKey).update(fields).digest().subarray(0, FINGERPRINT_BYTES)
}

/** The subject that a new memory belongs to. Throws AppError `subject_not_allowed`. */
export function subjectOfDraft(caller: Caller, input: CreateMemory): string {
  return subjectFor(caller, input.subject_id, DEFAULT_SUBJECT)
}

/**
 * Makes a draft: fills in what the caller left out and seals what is private. Throws AppError `namespace_not_allowed`,
 * `trust_not_allowed`.
 */
export function draftMemory(
  caller: Caller,
  input: RoutedMemory,
  keys: SubjectKeys,
  now: Date,
  id = uuidV7() as MemoryId,
  provenance = provenanceOf(caller, input),
): MemoryDraft {
  const subjectId = subjectOfDraft(caller, input)
  const attributes = attributesOf(input)
  const place = { tenantId: caller.tenantId, subjectId, memoryId: id, version: 1 }
  const namespace = namespaceFor(caller, input.namespace, DEFAULT_NAMESPACE)
  const threadId = input.thread_id ?? null
  return {
    id,
    subjectId,
    namespace,
    threadId,
    sessionId: input.session_id ?? null,
    tier: input.tier ?? 'short_term',
    importance: input.importance ?? IMPORTANCE_LEVELS.medium,
    occurredAt: input.occurred_at === undefined ? now : new Date(input.occurred_at),
    createdAt: now,
    expiresAt: input.ttl_seconds === undefined ? null : new Date(now.getTime() + input.ttl_seconds * 1000),
    fingerprint: fingerprintOf(keys, { namespace, threadId, content: input.content }),
    sealed: sealAttributes(keys.content.current(), place, attributes),
    keyVersion: keys.content.current().id,
    consent: consentFor(caller),
    attributes,
    provenance,
    reinforces: input.on_duplicate !== 'create',
  }
}

function attributesOf(input: RoutedMemory): PrivateAttributes {
  return {
    content: input.content,
    role: input.role ?? null,
    speaker: input.speaker ?? null,
    topic: input.topic ?? null,
    category: input.category ?? null,
    entities: input.entities ?? [],
    tags: input.tags ?? [],
    metadata: input.metadata ?? {},
    ...(input.sentiment !== undefined && { sentiment: input.sentiment }),
    ...(input.left !== undefined && { enrichment: { left: input.left } }),
  }
}

import { createHmac } from 'node:crypto'
import { type CreateHandoff, HANDOFF_PARTS } from '@memoric/contracts/handoff-contract.ts'
import { encodeFields } from '@memoric/crypto/bytes.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { HandoffParts } from './handoff-box.ts'
import type { HandoffRow } from './handoff-row.ts'

/** What was left out is null. */
export function partsOf(body: CreateHandoff): HandoffParts {
  return {
    with_whom: body.with_whom,
    experienced: body.experienced ?? null,
    noticed: body.noticed ?? null,
    learned: body.learned ?? null,
    story: body.story ?? null,
    becoming: body.becoming ?? null,
    remember: body.remember ?? null,
    tags: body.tags,
  }
}

/** Keyed hash of what a handoff says, without when it was. */
export function handoffFingerprint(keys: SubjectKeys, parts: HandoffParts, significance: number): Buffer {
  const told = HANDOFF_PARTS.flatMap((part) => (parts[part] === null ? [0] : [1, parts[part]]))
  const fields = ['handoff', parts.with_whom, ...told, String(Math.fround(significance)), ...parts.tags]
  return createHmac('sha256', keys.fingerprintKey).update(encodeFields(fields)).digest().subarray(0, 16)
}

/** Whether a handoff says all of this already; a time that was left out is the one that it has. */
export function saysTheSame(row: HandoffRow, fingerprint: Buffer, occurredAt: string | undefined): boolean {
  const isSameTime = occurredAt === undefined || Date.parse(occurredAt) === row.occurred_at.getTime()
  return isSameTime && row.fingerprint.equals(fingerprint)
}

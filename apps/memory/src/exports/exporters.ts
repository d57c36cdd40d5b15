import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { capsuleLines } from './capsule-lines.ts'
import { consentLines } from './consent-lines.ts'
import { edgeLines } from './edge-lines.ts'
import { editLines } from './edit-lines.ts'
import type { ExportLine } from './export-lines.ts'
import { handoffLines, personLines } from './handoff-lines.ts'
import { memoryLines } from './memory-lines.ts'
import { noteLines } from './note-lines.ts'
import { reflectionLines } from './reflection-lines.ts'
import { taskLines } from './task-lines.ts'
import { threadLines } from './thread-lines.ts'

/** Reads everything of one kind that a subject has, in a snapshot of the database, in an order that is always the same. */
export type Exporter = (tx: Tx, place: SubjectPlace, keys: SubjectKeys) => AsyncIterable<ExportLine>

/** What an export holds: whatever else is stored of a subject one day belongs into this list. */
export const EXPORTERS: readonly Exporter[] = [
  memoryLines,
  handoffLines,
  personLines,
  noteLines,
  taskLines,
  threadLines,
  editLines,
  capsuleLines,
  reflectionLines,
  edgeLines,
  consentLines,
]

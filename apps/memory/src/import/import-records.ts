import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { isKnownReflection } from '../consolidations/reflected-repository.ts'
import type {
  CapsuleLine,
  EdgeLine,
  EditLine,
  HandoffLine,
  HandoffVersionLine,
  NoteLine,
  PersonLine,
  ReflectionLine,
  TaskLine,
  ThreadLine,
} from '../exports/export-lines.ts'
import type { HandoffParts } from '../handoffs/handoff-box.ts'
import { sealParts } from '../handoffs/handoff-box.ts'
import { handoffFingerprint } from '../handoffs/handoff-draft.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { importNote } from './import-notes.ts'
import { importTask } from './import-tasks.ts'
import { importCapsule, isKnownCapsule } from './import-capsules.ts'
import { importEdge, isKnownEdge } from './import-edges.ts'
import { importEdit, isKnownEdit } from './import-edits.ts'
import { importReflection } from './import-reflections.ts'
import { importThread, isKnownThread } from './import-threads.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import { sealNames } from '../persons/person-box.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** What a subject has besides memories and consents. */
export type RecordLine =
  | HandoffLine
  | HandoffVersionLine
  | PersonLine
  | NoteLine
  | TaskLine
  | ThreadLine
  | EditLine
  | CapsuleLine
  | ReflectionLine
  | EdgeLine

/** The id that a memory got, by its old one and when it was made; of another subject where one is named. */
export type IdOfMemory = (id: MemoryId, createdAt: string, subjectId?: string) => Promise<MemoryId>

/** Writes what is not there yet of the records of a locked subject, and gives how many those were. */
export async function importRecords(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  lines: readonly RecordLine[],
  idOf: IdOfMemory,
): Promise<number> {
  let made = 0
  for (const line of lines) {
    if (line.type === 'person') made += await importPerson(tx, place, keys, line)
    else if (line.type === 'thread') made += await importThread(tx, place, keys, line)
    else if (line.type === 'note') made += await importNote(tx, place, keys, line, idOf)
    else if (line.type === 'task') made += await importTask(tx, place, keys, line, idOf)
    else if (line.type === 'capsule') made += await importCapsule(tx, place, keys, line, idOf)
    else if (line.type === 'reflection') made += await importReflection(tx, place, keys, line, idOf)
    else if (line.type === 'edge') made += await importEdge(tx, place, keys, line, idOf)
    else if (line.type === 'edit') {
      made += await importEdit(tx, place, keys, await idOf(line.memory_id, line.memory_created_at), line)
    } else if (line.type === 'handoff') {
      made += await importHandoff(tx, place, keys, await idOf(line.id, line.created_at), line)
    } else {
      made += await importVersion(tx, place, keys, await idOf(line.handoff_id, line.handoff_created_at), line)
    }
  }
  return made
}

/** How many records are not there yet. */
export async function countNewRecords(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  lines: readonly RecordLine[],
  idOf: IdOfMemory,
): Promise<number> {
  let count = 0
  for (const line of lines) {
    if (line.type === 'thread') {
      count += (await isKnownThread(tx, { tenantId, subjectId }, line)) ? 0 : 1
      continue
    }
    if (line.type === 'reflection' || line.type === 'edge') {
      const place = { tenantId, subjectId }
      const isKnown =
        line.type === 'edge'
          ? await isKnownEdge(tx, place, line, idOf)
          : (await isKnownReflection(tx, place, await idOf(line.id, line.created_at))).length > 0
      count += isKnown ? 0 : 1
      continue
    }
    if (line.type === 'edit' || line.type === 'capsule') {
      const place = { tenantId, subjectId }
      const isKnown = line.type === 'edit' ? isKnownEdit(tx, place, line) : isKnownCapsule(tx, place, line)
      count += (await isKnown) ? 0 : 1
      continue
    }
    const [known] =
      line.type === 'person'
        ? await tx`
            select from persons where tenant_id = ${tenantId} and subject_id = ${subjectId} and id = ${line.id}`
        : line.type === 'note' || line.type === 'task'
          ? await tx`
              select from ${tx(line.type === 'note' ? 'notes' : 'tasks')}
              where tenant_id = ${tenantId} and id = ${await idOf(line.id, line.created_at)}`
          : line.type === 'handoff'
            ? await tx`
              select from handoffs where tenant_id = ${tenantId} and id = ${await idOf(line.id, line.created_at)}`
            : await tx`
              select from handoff_versions
              where tenant_id = ${tenantId} and version = ${line.version}
                and handoff_id = ${await idOf(line.handoff_id, line.handoff_created_at)}`
    count += known === undefined ? 1 : 0
  }
  return count
}

function partsOf(line: HandoffLine | HandoffVersionLine): HandoffParts {
  const { with_whom, experienced, noticed, learned, story, becoming, remember, tags } = line
  return { with_whom, experienced, noticed, learned, story, becoming, remember, tags }
}

async function importHandoff(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  id: string,
  line: HandoffLine,
): Promise<number> {
  const parts = partsOf(line)
  const rows = await tx`
    insert into handoffs (
      tenant_id, id, subject_id, namespace, session_id, with_whom, version, significance, occurred_at, created_at,
      updated_at, written_by, becoming_by, becoming_at, fingerprint, sealed
    ) values (
      ${place.tenantId}, ${id}, ${place.subjectId}, ${line.namespace}, ${line.session_id},
      ${nameFingerprint(keys, parts.with_whom)}, ${line.version}, ${line.significance}, ${line.occurred_at},
      ${line.created_at}, ${line.updated_at}, ${line.written_by}, ${line.becoming_by}, ${line.becoming_at},
      ${handoffFingerprint(keys, parts, line.significance)},
      ${sealParts(keys, { ...place, id, version: line.version }, parts)}
    )
    on conflict do nothing returning 1`
  return rows.length
}

async function importVersion(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  id: string,
  line: HandoffVersionLine,
): Promise<number> {
  const sealed = sealParts(keys, { ...place, id, version: line.version }, partsOf(line))
  const rows = await tx`
    insert into handoff_versions (
      tenant_id, handoff_id, version, subject_id, namespace, significance, occurred_at, written_at, written_by,
      replaced_at, sealed
    )
    select ${place.tenantId}, id, ${line.version}, ${place.subjectId}, namespace, ${line.significance},
      ${line.occurred_at}, ${line.written_at}, ${line.written_by}, ${line.replaced_at}, ${sealed}
    from handoffs
    where tenant_id = ${place.tenantId} and id = ${id} and subject_id = ${place.subjectId}
      and version > ${line.version}
    on conflict do nothing returning 1`
  return rows.length
}

/** Names that belong to another person already stay with that person. */
async function importPerson(tx: Tx, place: SubjectPlace, keys: SubjectKeys, line: PersonLine): Promise<number> {
  const { id, version, name, aliases } = line
  const sealed = sealNames(keys, { ...place, id, version }, { name, aliases })
  const rows = await tx`
    insert into persons (tenant_id, subject_id, id, version, updated_at, sealed)
    values (${place.tenantId}, ${place.subjectId}, ${id}, ${version}, ${line.updated_at}, ${sealed})
    on conflict do nothing returning 1`
  if (rows.length === 0) return 0
  for (const each of [name, ...aliases]) {
    await tx`
      insert into person_names (tenant_id, subject_id, name, person_id)
      values (${place.tenantId}, ${place.subjectId}, ${nameFingerprint(keys, each)}, ${id}) on conflict do nothing`
  }
  return 1
}

import { HANDOFF_ROLE } from '@memoric/contracts/handoff-contract.ts'
import type { MemoryId } from '@memoric/contracts/ids.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { openHandoff } from '../handoffs/handoff-row.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { type MemoryRow, openRow } from '../memories/memory-row.ts'
import type { PrivateAttributes } from '../memories/private-attributes.ts'
import { standsForOthers } from '../merging/merge-rules.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import type { PolicyDeps } from '../policies/policy-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectFirstNames, selectHandoffsOf, selectHandoffsOfSessions } from './happening-repository.ts'

/** A memory that tells what happened, and with whom that was. */
export interface Happening {
  readonly id: MemoryId
  readonly version: number
  readonly namespace: string
  readonly occurredAt: Date
  readonly importance: number
  /** As somebody called the person; null for nobody in particular. */
  readonly name: string | null
  /** The fingerprint that stands for all names of the person. */
  readonly person: Buffer | null
}

interface Opened {
  readonly row: MemoryRow
  readonly attributes: PrivateAttributes
}

const CHUNK = 500

/** Who speaks without being whom the agent works with. */
const OWN_ROLES: ReadonlySet<string | null> = new Set(['assistant', 'system', 'tool', HANDOFF_ROLE])

/** Reads memories of a subject; summaries and merged memories are left out, since what they were made of is there. */
export async function readHappenings(
  deps: Pick<PolicyDeps, 'sql'>,
  keys: SubjectKeys,
  place: SubjectPlace,
  ids: readonly string[],
): Promise<Happening[]> {
  const happenings: Happening[] = []
  for (let at = 0; at < ids.length; at += CHUNK) {
    const [rows] = await tenantFlight(deps.sql, wholeTenant(place.tenantId), (tx) => [
      selectMemories(tx, place.tenantId, ids.slice(at, at + CHUNK)),
    ])
    const opened = rows
      .filter(({ subject_id }) => subject_id === place.subjectId)
      .map((row) => ({ row, attributes: openRow(keys, row) }))
    happenings.push(...(await withPersons(deps, keys, place, opened.filter(isOriginal))))
  }
  return happenings
}

function isOriginal({ attributes }: Opened): boolean {
  return !standsForOthers(attributes)
}

async function withPersons(
  deps: Pick<PolicyDeps, 'sql'>,
  keys: SubjectKeys,
  place: SubjectPlace,
  opened: readonly Opened[],
): Promise<Happening[]> {
  const names = await namesOf(deps, keys, place, opened)
  const prints = names.map((name) => (name === null ? null : nameFingerprint(keys, name)))
  const persons = await canonical(
    deps,
    place,
    prints.flatMap((print) => print ?? []),
  )
  return opened.map(({ row }, at) => ({
    id: row.id,
    version: row.version,
    namespace: row.namespace,
    occurredAt: row.occurred_at,
    importance: row.importance,
    name: names[at] ?? null,
    person: persons(prints[at] ?? null),
  }))
}

/** With whom each was: of a handoff its person, else who speaks, else the person of the handoff of the session. */
async function namesOf(
  { sql }: Pick<PolicyDeps, 'sql'>,
  keys: SubjectKeys,
  place: SubjectPlace,
  opened: readonly Opened[],
): Promise<(string | null)[]> {
  const handoffs = opened.filter(({ attributes }) => attributes.role === HANDOFF_ROLE).map(({ row }) => row.id)
  const sessions = opened.flatMap(({ row: { namespace, session_id: session } }) =>
    session === null ? [] : [{ namespace, session }],
  )
  const [own, ofSessions] = await tenantFlight(sql, wholeTenant(place.tenantId), (tx) => [
    selectHandoffsOf(tx, place, handoffs),
    selectHandoffsOfSessions(tx, place, sessions),
  ])
  const byId = new Map(own.map((row) => [String(row.id), openHandoff(keys, row).with_whom]))
  const bySession = new Map(
    ofSessions.map((row) => [`${row.namespace}\n${row.session_id}`, openHandoff(keys, row).with_whom]),
  )
  return opened.map(({ row, attributes: { role, speaker } }) => {
    const ofSession = row.session_id === null ? undefined : bySession.get(`${row.namespace}\n${row.session_id}`)
    const speaking = OWN_ROLES.has(role) ? null : speaker
    return byId.get(row.id) ?? speaking ?? ofSession ?? null
  })
}

/** Gives the one fingerprint that stands for all names of a person. */
export async function canonical(
  { sql }: Pick<PolicyDeps, 'sql'>,
  place: SubjectPlace,
  prints: readonly Buffer[],
): Promise<(print: Buffer | null) => Buffer | null> {
  const unique = [...new Map(prints.map((print) => [print.toString('hex'), print])).values()]
  const [rows] = await tenantFlight(sql, wholeTenant(place.tenantId), (tx) => [selectFirstNames(tx, place, unique)])
  const first = new Map(rows.map((row) => [row.name.toString('hex'), row.first]))
  return (print) => (print === null ? null : (first.get(print.toString('hex')) ?? print))
}

import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { type HandoffRow, openHandoff } from '../handoffs/handoff-row.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { PolicyDeps } from '../policies/policy-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { findRecurring, type Lesson, type Recurring } from './find-principles.ts'
import { selectTeachers } from './happening-repository.ts'
import { canonical } from './happenings.ts'
import { addDays, dayOf } from './periods.ts'
import { confidenceOf, hashOf, type Plan, type Source, slotOf } from './plan-period.ts'

/** Handoffs of a subject that are looked at: the newest, and those with which a principle began. */
const LOOKED_AT = 500
/** Most sources of a principle: the latest. */
const MOST_SOURCES = 200

interface Teacher extends Lesson {
  readonly version: number
  readonly namespace: string
  readonly name: string
  readonly person: Buffer | null
}

/** What sessions taught again and again: for each namespace and person by itself. */
export async function planPrinciples(
  deps: Pick<PolicyDeps, 'sql'>,
  keys: SubjectKeys,
  place: SubjectPlace,
  seedIds: readonly string[],
): Promise<Plan[]> {
  const [rows] = await tenantFlight(deps.sql, wholeTenant(place.tenantId), (tx) => [
    selectTeachers(tx, place, seedIds, LOOKED_AT),
  ])
  const persons = await canonical(
    deps,
    place,
    rows.map((row) => row.with_whom),
  )
  const teachers = rows.flatMap((row) => teacherOf(keys, row, persons(row.with_whom)))
  const groups = Map.groupBy(teachers, ({ namespace, person }) => `${person?.toString('hex') ?? ''} ${namespace}`)
  const plans: Plan[] = []
  for (const group of groups.values()) {
    const byId = new Map(group.map((teacher) => [teacher.id, teacher]))
    for (const recurring of await findRecurring(group)) plans.push(...planOf(recurring, byId))
  }
  return plans
}

function teacherOf(
  keys: SubjectKeys,
  row: HandoffRow & { readonly memory_version: number },
  person: Buffer | null,
): Teacher[] {
  const { learned, with_whom: name } = openHandoff(keys, row)
  if (learned === null) return []
  const { id, namespace, occurred_at: occurredAt, memory_version: version } = row
  return [{ id, text: learned, occurredAt, version, namespace, name, person }]
}

function planOf(recurring: Recurring, teachers: ReadonlyMap<string, Teacher>): Plan[] {
  const [seed] = recurring
  const all = new Map<string, Source>()
  for (const { lesson } of recurring)
    all.set(lesson.id, { id: lesson.id, version: teachers.get(lesson.id)?.version ?? 0 })
  const sources = [...all.values()].slice(-MOST_SOURCES)
  const last = teachers.get(sources.at(-1)?.id ?? '')
  if (seed === undefined || last === undefined) return []
  // What it began with stays a source: the principle is withdrawn with it.
  const seedId = seed.lesson.id
  const kept = sources.some(({ id }) => id === seedId)
    ? sources
    : [...[...all.values()].slice(0, 1), ...sources.slice(1)]
  return [
    {
      slot: slotOf(['principle', seedId, String(seed.nth)], last.namespace, last.person),
      kind: 'principle',
      namespace: last.namespace,
      person: last.person,
      name: last.name,
      startsOn: dayOf(seed.lesson.occurredAt),
      endsOn: addDays(dayOf(last.occurredAt), 1),
      confidence: confidenceOf(all.size),
      sources: kept,
      hash: hashOf(
        kept,
        recurring.map(({ lesson, nth }) => `${lesson.id} ${nth}`),
      ),
      learned: { seedId, seedNth: seed.nth, sentences: recurring.map(({ text }) => text) },
    },
  ]
}

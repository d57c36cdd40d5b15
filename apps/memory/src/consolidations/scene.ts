import type { ConsolidationPeriod } from '@memoric/contracts/policy-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { PolicyDeps } from '../policies/policy-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { canonical, type Happening, readHappenings } from './happenings.ts'
import { dayOf, endOf, startOf } from './periods.ts'
import type { Known } from './plan-period.ts'
import { selectReflections } from './reflection-repository.ts'
import { type HappenedRow, selectHappened, selectLastChange, selectStates, type StateRow } from './state-repository.ts'

/** What there is to consolidate of a subject, as it was at one change of it. */
export interface Scene {
  readonly change: number
  /** Today in UTC: what is not over is left for later. */
  readonly today: string
  readonly states: ReadonlyMap<ConsolidationPeriod, StateRow>
  /** What happened by its days, in its order. */
  readonly days: ReadonlyMap<string, readonly HappenedRow[]>
  /** Reflections by their slots in hex; those that are made are added. */
  readonly known: Map<string, Known>
  /** With the memories of a period; each is read once. */
  happenings(period: ConsolidationPeriod, start: string): Promise<Happening[]>
}

/** Most memories of a day that are looked at: the latest. */
const MOST_OF_DAY = 2000

/** Null when nothing has changed since everything up to a period was consolidated. */
export async function readScene(
  deps: Pick<PolicyDeps, 'sql' | 'now'>,
  keys: SubjectKeys,
  place: SubjectPlace,
  periods: readonly ConsolidationPeriod[],
): Promise<Scene | null> {
  const today = dayOf(deps.now())
  const scope = wholeTenant(place.tenantId)
  // Asked for first: what is committed after it is looked at again.
  const [[subject], states] = await tenantFlight(deps.sql, scope, (tx) => [
    selectLastChange(tx, place),
    selectStates(tx, place),
  ])
  if (subject === undefined) return null
  const byPeriod = new Map(states.map((state) => [state.period, state]))
  const change = subject.last_change
  if (periods.every((period) => isUpToDate(byPeriod.get(period), period, change, today))) return null
  const [rows, reflections] = await tenantFlight(deps.sql, scope, (tx) => [
    selectHappened(tx, place, today),
    selectReflections(tx, place),
  ])
  const days = Map.groupBy(rows, ({ day }) => day)
  const read = new Map<string, Happening[]>()
  return {
    change,
    today,
    states: byPeriod,
    days,
    known: new Map(reflections.map((row) => [row.slot.toString('hex'), row])),
    async happenings(period, start) {
      const all: Happening[] = []
      for (const day of daysOf(days, period, start)) {
        const known = read.get(day) ?? (await readDay(days.get(day) ?? []))
        read.set(day, known)
        all.push(...known)
      }
      return all
    },
  }

  function readDay(some: readonly HappenedRow[]): Promise<Happening[]> {
    const ids = some.slice(-MOST_OF_DAY).map(({ id }) => id)
    return readHappenings(deps, keys, place, ids)
  }
}

function isUpToDate(state: StateRow | undefined, period: ConsolidationPeriod, change: number, today: string): boolean {
  return state?.change === change && state.through >= startOf(period, today)
}

/** The periods that are over and may have to be looked at, the earliest first. */
export function dueStarts({ states, days, today }: Scene, period: ConsolidationPeriod): string[] {
  const state = states.get(period)
  const due = new Set<string>()
  for (const [day, rows] of days) {
    const isKnown = state !== undefined && day < state.through && rows.every(({ change }) => change <= state.change)
    const start = startOf(period, day)
    if (!isKnown && endOf(period, start) <= today) due.add(start)
  }
  return [...due].sort()
}

function daysOf(days: ReadonlyMap<string, unknown>, period: ConsolidationPeriod, start: string): string[] {
  const end = endOf(period, start)
  return [...days.keys()].filter((day) => day >= start && day < end).sort()
}

/** Reflections of persons whose names are others by now: those that are known under another name. */
export async function findMisnamed(
  deps: Pick<PolicyDeps, 'sql'>,
  place: SubjectPlace,
  known: ReadonlyMap<string, Known>,
): Promise<Known[]> {
  const persons = await canonical(
    deps,
    place,
    [...known.values()].flatMap(({ person }) => person ?? []),
  )
  return [...known.values()].filter(({ person }) => person !== null && persons(person)?.equals(person) === false)
}

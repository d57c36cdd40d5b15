import type { Detection, Pattern } from '@memoric/contracts/detections.ts'
import { CLOCK_SKEW_MS } from '../log/event-time.ts'
import { entityOf, type Entity, keyOf } from './group-event.ts'
import { isOneOf } from './match-event.ts'
import { observe, type Observation, type Setting } from './observe.ts'
import type { SeenEvent } from './seen-event.ts'

export type Detections = Readonly<Record<string, Detection>>

/** Where a detection remembers what it knows of an entity. */
export interface StatePlace {
  readonly tenantId: string
  readonly detection: string
  readonly key: string
}

/** An event that a detection has to look at. */
export interface Sighting extends StatePlace {
  readonly entity: Entity
  readonly event: SeenEvent
}

export interface Finding extends Sighting {
  readonly observed: number
  readonly evidence: readonly string[]
}

export interface State extends StatePlace {
  readonly state: unknown
  readonly expiresAt: number
}

/** Hears of a detection that could not look at an event. */
export type OnFault = (error: unknown, detection: string, eventId: string) => void

/** How a detection is set for a tenant; null where it is off. */
export type SettingOf = (tenantId: string, detection: string) => Setting | null

/** What each detection has to look at, in the order of the events. A detection that throws looks at nothing. */
export function findSightings(
  detections: Detections,
  events: readonly SeenEvent[],
  settingOf: SettingOf,
  onFault: OnFault,
): Sighting[] {
  const sightings: Sighting[] = []
  for (const event of events) {
    for (const [detection, described] of Object.entries(detections)) {
      try {
        const { pattern } = described
        const entity = sees(pattern, event) ? entityOf(pattern.by, event) : null
        if (entity === null || settingOf(event.tenantId, detection) === null) continue
        sightings.push({ tenantId: event.tenantId, detection, key: keyOf(entity), entity, event })
      } catch (error) {
        onFault(error, detection, event.id)
      }
    }
  }
  return sightings
}

function sees(pattern: Pattern, event: SeenEvent): boolean {
  // Nearly all events are of now: nothing is looked up for those.
  if (pattern.kind === 'far_time' && Math.abs(event.receivedAt - event.at) < CLOCK_SKEW_MS) return false
  return isOneOf(pattern.of, event) || (pattern.kind === 'after' && isOneOf(pattern.then, event))
}

/** Looks at everything that was sighted; gives what was found, and what to remember. `states` is by `placeOf`. */
export function judge(
  detections: Detections,
  sightings: readonly Sighting[],
  states: ReadonlyMap<string, unknown>,
  settingOf: SettingOf,
  onFault: OnFault,
): { findings: Finding[]; changed: State[] } {
  const known = new Map(states)
  const changed = new Map<string, State>()
  const findings: Finding[] = []
  for (const sighting of sightings) {
    const place = placeOf(sighting)
    const observation = tryObserve(detections, sighting, known.get(place) ?? null, settingOf, onFault)
    if (observation === null) continue
    const { state, expiresAt, observed, evidence, isFinding } = observation
    if (state !== undefined) {
      known.set(place, state)
      changed.set(place, {
        tenantId: sighting.tenantId,
        detection: sighting.detection,
        key: sighting.key,
        state,
        expiresAt,
      })
    }
    if (isFinding) findings.push({ ...sighting, observed, evidence })
  }
  return { findings, changed: [...changed.values()] }
}

/** What a detection remembered and cannot read any more counts as nothing. */
function tryObserve(
  detections: Detections,
  { tenantId, detection, event }: Sighting,
  state: unknown,
  settingOf: SettingOf,
  onFault: OnFault,
): Observation | null {
  const described = detections[detection]
  const setting = settingOf(tenantId, detection)
  if (described === undefined || setting === null) return null
  for (const remembered of state === null ? [null] : [state, null]) {
    try {
      return observe(described.pattern, setting, remembered, event)
    } catch (error) {
      onFault(error, detection, event.id)
    }
  }
  return null
}

export function placeOf({ tenantId, detection, key }: StatePlace): string {
  return `${tenantId} ${detection} ${key}`
}

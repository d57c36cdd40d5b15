import type { Pattern } from '@memoric/contracts/detections.ts'
import { z } from 'zod'
import { CLOCK_SKEW_MS } from '../log/event-time.ts'
import { accountOf, keyOf } from './group-event.ts'
import { isOneOf } from './match-event.ts'
import type { SeenEvent } from './seen-event.ts'
import {
  addMember,
  addToWindow,
  emptyWindow,
  memberState,
  noMembers,
  sumOf,
  windowState,
  type WindowState,
} from './window-state.ts'

/** A detection as it is set for a tenant. */
export interface Setting {
  /** 1 where the detection has no threshold. */
  readonly threshold: number
  readonly windowMs: number
}

/** What came of looking at an event. */
export interface Observation {
  /** What to remember from now on, as JSON; undefined where nothing has changed. */
  readonly state?: unknown
  /** Ms since the epoch from which on the state means nothing. */
  readonly expiresAt: number
  /** What was counted. */
  readonly observed: number
  /** Whether that is an alert. */
  readonly isFinding: boolean
  /** Events that show it, this one included. */
  readonly evidence: readonly string[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** How long habits are remembered of what is not seen any more. */
const HABIT_MS = 400 * DAY_MS

const windowSeen = windowState.nullable()
const membersSeen = memberState.nullable()

type Patterns<Kind extends Pattern['kind']> = Extract<Pattern, { readonly kind: Kind }>

/** Looks at one event that the pattern is about, with what it remembers of the same entity. Throws for a state that is none. */
export function observe(pattern: Pattern, setting: Setting, state: unknown, event: SeenEvent): Observation {
  switch (pattern.kind) {
    case 'count':
      return observeCount(pattern, setting, state, event)
    case 'distinct':
      return observeDistinct(setting, state, event)
    case 'after':
      return observeAfter(pattern, setting, state, event)
    case 'each':
      return { expiresAt: 0, observed: 1, isFinding: true, evidence: [event.id] }
    case 'new_address':
      return observeAddress(state, event)
    case 'dormant':
      return observeDormant(setting, state, event)
    case 'far_time':
      return observeTime(setting, event)
    case 'unusual_hour':
      return observeHour(setting, state, event)
  }
}

function observeCount({ each }: Patterns<'count'>, setting: Setting, state: unknown, event: SeenEvent): Observation {
  const known = windowSeen.parse(state) ?? emptyWindow
  const next = addToWindow(known, event.at, amountOf(each, event), event.id, setting.windowMs)
  const observed = sumOf(next, event.at, setting.windowMs)
  return {
    state: next,
    expiresAt: event.at + 2 * setting.windowMs,
    observed,
    isFinding: observed >= setting.threshold,
    evidence: next.events,
  }
}

/** Details in which an event names the memories that it gave. */
const RECORD_LISTS = ['results', 'told', 'memory_ids'] as const

/** Refusals of one kind, and attempts to sign in that were not looked at, come as one event that says how many; reads say how many records they gave. */
function amountOf(each: Patterns<'count'>['each'], { details }: SeenEvent): number {
  if (each === 'event') return 1
  if (each === 'request') return wholeNumber(details['count']) ?? wholeNumber(details['attempts']) ?? 1
  const ids = RECORD_LISTS.map((name) => details[name]).find(Array.isArray)
  return ids?.length ?? wholeNumber(details['count']) ?? wholeNumber(details['sources']) ?? 1
}

function wholeNumber(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}

function observeDistinct({ threshold, windowMs }: Setting, state: unknown, event: SeenEvent): Observation {
  const account = accountOf(event)
  const expiresAt = event.at + 2 * windowMs
  if (account === null) return { expiresAt, observed: 0, isFinding: false, evidence: [] }
  const known = membersSeen.parse(state) ?? noMembers
  const { state: next } = addMember(known, event.at, keyOf(account), event.id, windowMs)
  const observed = next.members.length
  return { state: next, expiresAt, observed, isFinding: observed >= threshold, evidence: next.events }
}

/** Counts failures; what comes then is judged by them, and begins anew. */
function observeAfter(pattern: Patterns<'after'>, setting: Setting, state: unknown, event: SeenEvent): Observation {
  const { threshold, windowMs } = setting
  const known = windowSeen.parse(state) ?? emptyWindow
  const expiresAt = event.at + 2 * windowMs
  if (!isOneOf(pattern.then, event)) {
    const next: WindowState = addToWindow(known, event.at, amountOf('request', event), event.id, windowMs)
    return { state: next, expiresAt, observed: 0, isFinding: false, evidence: [] }
  }
  const observed = sumOf(known, event.at, windowMs)
  const evidence = [...known.events, event.id]
  const isFinding = observed >= threshold
  return { ...(known.parts.length > 0 && { state: emptyWindow }), expiresAt, observed, isFinding, evidence }
}

/** Written anew once a day for a network that is known. */
function observeAddress(state: unknown, event: SeenEvent): Observation {
  const expiresAt = event.at + HABIT_MS
  const network = event.outcome === 'success' ? event.network() : null
  if (network === null) return { expiresAt, observed: 0, isFinding: false, evidence: [] }
  const known = membersSeen.parse(state) ?? noMembers
  const last = known.members.find(([name]) => name === network)?.[1]
  if (last !== undefined && event.at - last < DAY_MS) {
    return { expiresAt, observed: known.members.length, isFinding: false, evidence: [] }
  }
  const { state: next, isNew } = addMember({ ...known, events: [] }, event.at, network, event.id, HABIT_MS)
  const isFinding = isNew && known.members.length > 0
  return { state: { ...next, events: [] }, expiresAt, observed: next.members.length, isFinding, evidence: [event.id] }
}

const lastUse = z.object({ at: z.number() }).nullable()

/** Written anew once an hour. */
function observeDormant({ threshold }: Setting, state: unknown, event: SeenEvent): Observation {
  const expiresAt = event.at + HABIT_MS
  const known = lastUse.parse(state)
  const idleMs = known === null ? 0 : event.at - known.at
  const observed = Math.max(0, Math.floor(idleMs / DAY_MS))
  if (event.outcome !== 'success') return { expiresAt, observed, isFinding: false, evidence: [] }
  const isWorthWriting = known === null || idleMs >= HOUR_MS
  return {
    ...(isWorthWriting && { state: { at: event.at } }),
    expiresAt,
    observed,
    isFinding: idleMs >= threshold * DAY_MS,
    evidence: [event.id],
  }
}

/** Outboxes and the stream explain that an event is late, and nothing that it is early. */
function observeTime({ threshold }: Setting, { at, receivedAt, id }: SeenEvent): Observation {
  const days = Math.floor((receivedAt - at) / DAY_MS)
  const isFinding = days >= threshold || at - receivedAt > CLOCK_SKEW_MS
  return { expiresAt: 0, observed: Math.max(0, days), isFinding, evidence: [id] }
}

const habits = z.object({ days: z.number(), lastDay: z.number(), hours: z.array(z.number()).length(24) }).nullable()
const noHabits = { days: 0, lastDay: -1, hours: Array<number>(24).fill(0) }

function observeHour({ threshold }: Setting, state: unknown, event: SeenEvent): Observation {
  const { days, lastDay, hours } = habits.parse(state) ?? noHabits
  const hour = Math.floor(event.at / HOUR_MS) % 24
  const day = Math.floor(event.at / DAY_MS)
  const around = [hour + 23, hour, hour + 1].map((one) => hours[one % 24] ?? 0)
  return {
    state: {
      days: day > lastDay ? days + 1 : days,
      lastDay: Math.max(day, lastDay),
      hours: hours.map((count, at) => (at === hour ? count + 1 : count)),
    },
    expiresAt: event.at + HABIT_MS,
    observed: days,
    isFinding: days >= threshold && around.every((count) => count === 0),
    evidence: [event.id],
  }
}

import { z } from 'zod'

/** Newest events that a state remembers as evidence. */
const EVIDENCE = 25
/** Parts of a window that are counted together. */
const PARTS = 30
/** Members that a state tells apart at most; no threshold is above. */
const MEMBERS = 200

const time = z.number()

/** What happened within a window: how much, since when; and which events showed it last. */
export const windowState = z.object({
  /** [start of the part, sum], ms since the epoch. */
  parts: z.array(z.tuple([time, z.number()])),
  events: z.array(z.string()),
})
export type WindowState = z.infer<typeof windowState>

/** Who was seen within a window, each with the last time. */
export const memberState = z.object({ members: z.array(z.tuple([z.string(), time])), events: z.array(z.string()) })
export type MemberState = z.infer<typeof memberState>

export const emptyWindow: WindowState = { parts: [], events: [] }
export const noMembers: MemberState = { members: [], events: [] }

/** Adds to a window. An event that comes late counts at its own time, if that is within the window of the newest one. */
export function addToWindow({ parts, events }: WindowState, at: number, amount: number, id: string, windowMs: number) {
  const width = Math.ceil(windowMs / PARTS)
  const start = Math.floor(at / width) * width
  const newest = Math.max(at, ...parts.map(([since]) => since))
  const sums = new Map(parts)
  sums.set(start, (sums.get(start) ?? 0) + amount)
  const kept = [...sums].filter(([since]) => since > newest - windowMs)
  return { parts: kept, events: lastOf([...events, id]) }
}

export function sumOf({ parts }: WindowState, at: number, windowMs: number): number {
  return parts.reduce((sum, [since, amount]) => (since > at - windowMs ? sum + amount : sum), 0)
}

/** Adds somebody; the one seen longest ago goes when there are too many. */
export function addMember({ members, events }: MemberState, at: number, member: string, id: string, windowMs: number) {
  const known = new Map(members)
  const isNew = !known.has(member)
  const newest = Math.max(at, ...known.values())
  known.set(member, Math.max(at, known.get(member) ?? 0))
  const kept = [...known].filter(([, last]) => last > newest - windowMs).sort(([, a], [, b]) => b - a)
  return { state: { members: kept.slice(0, MEMBERS), events: lastOf([...events, id]) }, isNew }
}

export function lastOf(events: readonly string[]): string[] {
  return events.slice(-EVIDENCE)
}

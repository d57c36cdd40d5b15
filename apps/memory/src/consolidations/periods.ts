import { CONSOLIDATION_PERIODS, type ConsolidationPeriod } from '@memoric/contracts/policy-contract.ts'
import { DAY_MS } from '../search/recency.ts'

const THURSDAY = 3

/** The periods that one is made of, the shortest first, and itself. */
export function periodsUpTo(period: ConsolidationPeriod): ConsolidationPeriod[] {
  return CONSOLIDATION_PERIODS.slice(0, CONSOLIDATION_PERIODS.indexOf(period) + 1)
}

/** The next shorter period; null for days. */
export function periodBelow(period: ConsolidationPeriod): ConsolidationPeriod | null {
  return CONSOLIDATION_PERIODS[CONSOLIDATION_PERIODS.indexOf(period) - 1] ?? null
}

/** The day of a time in UTC, as 2026-11-22. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}

/**
 * The first day of the period that a day belongs to. Weeks begin on Monday; as in ISO 8601 a week belongs to the month of its
 * Thursday, so that months are made of whole weeks.
 */
export function startOf(period: ConsolidationPeriod, day: string): string {
  if (period === 'daily') return day
  const monday = addDays(day, -weekday(day))
  return period === 'weekly' ? monday : firstMonday(addDays(monday, THURSDAY), 0)
}

/** The day after the last one of the period that begins with `start`. */
export function endOf(period: ConsolidationPeriod, start: string): string {
  if (period === 'daily') return addDays(start, 1)
  return period === 'weekly' ? addDays(start, 7) : firstMonday(addDays(start, THURSDAY), 1)
}

/** The first day of the month of `day`, or of so many months later, made of whole weeks. */
function firstMonday(day: string, months: number): string {
  const first = new Date(`${day.slice(0, 7)}-01T00:00:00Z`)
  first.setUTCMonth(first.getUTCMonth() + months)
  const begin = dayOf(first)
  const thursday = addDays(begin, (THURSDAY - weekday(begin) + 7) % 7)
  return addDays(thursday, -THURSDAY)
}

/** 0 for Monday. */
function weekday(day: string): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7
}

export function addDays(day: string, days: number): string {
  return dayOf(new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS))
}

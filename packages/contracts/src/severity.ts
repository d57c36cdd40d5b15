import { z } from 'zod'

/** How much attention something asks for, least first. */
export const SEVERITIES = ['info', 'notice', 'warning', 'critical'] as const

export const severity = z.enum(SEVERITIES)
export type Severity = z.infer<typeof severity>

/** Whether `one` asks for at least as much attention as `least`. */
export function isAtLeast(one: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(one) >= SEVERITIES.indexOf(least)
}

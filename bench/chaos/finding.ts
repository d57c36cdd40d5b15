/** One thing that has to hold afterwards. */
export interface Finding {
  readonly rule: string
  /** What was counted. */
  readonly seen: string
  readonly holds: boolean
}

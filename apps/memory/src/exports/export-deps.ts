import type { Sql } from '@memoric/postgres/client.ts'
import type { MemoryDeps } from '../memory-deps.ts'

/** What exports are made with. */
export interface ExportDeps extends Pick<MemoryDeps, 'sql' | 'keys' | 'events' | 'relay' | 'log'> {
  /** Connections whose transactions may take long: a subject is read in one snapshot. */
  readonly snapshots: Sql
  /** How long an export is kept, hours. */
  readonly keptHours: number
}

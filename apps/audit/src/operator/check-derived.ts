import type { Sql } from '@memoric/postgres/client.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { type DayCount, miscountedDays, miscountedTenants, narrowSlots, type SlotBounds } from './derived-repository.ts'

/** What is derived from the lines and is not what they say. */
export interface DerivedFault {
  readonly kind: 'miscounted' | 'left_out'
  /** The first line that is concerned; null where it is about how many there are. */
  readonly logIndex: number | null
  readonly message: string
}

/**
 * Counts the lines anew, in the database: as the statistics have them, and for the bounds by which times are found. Each statement
 * sees lines and counts of the same moment. A large log takes its time.
 */
export async function checkDerived(sql: Sql, limit: number): Promise<DerivedFault[]> {
  const [days, tenants, slots] = await systemTransaction(sql, async (tx) => {
    await tx`set local statement_timeout = 0`
    return [await miscountedDays(tx, limit), await miscountedTenants(tx, limit), await narrowSlots(tx, limit)] as const
  })
  const named = new Set(days.map(({ tenant_id: tenantId }) => tenantId))
  const others = tenants.filter(({ tenant_id: tenantId }) => !named.has(tenantId))
  return [...[...days, ...others].map(faultOfCount), ...slots.map(faultOfSlot)]
}

function faultOfCount({ tenant_id: tenantId, day, operation, outcome, counted, lines }: DayCount): DerivedFault {
  const which = day === null ? 'on all days, dropped ones included,' : `${operation} (${outcome}) on ${day}`
  const message = `the statistics of tenant ${tenantId} count ${counted} lines ${which} where there are ${lines}`
  return { kind: 'miscounted', logIndex: null, message }
}

function faultOfSlot({ tenant_id: tenantId, slot, first, last, ...found }: SlotBounds): DerivedFault {
  const { log_index: logIndex, known_first: from, known_last: to } = found
  const bounds = from === null || to === null ? 'there are no bounds of them' : `their bounds are ${from} to ${to}`
  const which = `from ${slot.toISOString()} on, ten minutes of tenant ${tenantId} have lines between ${first} and ${last} (tenant_seq)`
  return { kind: 'left_out', logIndex, message: `${which}, and ${bounds}: answers by time may leave lines out` }
}

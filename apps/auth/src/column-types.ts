import { customType, timestamp } from 'drizzle-orm/pg-core'

export const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })

/** A point in time, to the millisecond. */
export const instant = () => timestamp({ withTimezone: true, precision: 3 })

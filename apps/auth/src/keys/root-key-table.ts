import { pgTable, smallint, text } from 'drizzle-orm/pg-core'
import { bytea, instant } from '../column-types.ts'

export const rootKeys = pgTable('root_keys', {
  version: smallint().primaryKey(),
  kek_id: text().notNull(),
  wrapped: bytea().notNull(),
  created_at: instant().notNull().defaultNow(),
})

import { ROLES } from '@memoric/contracts/permissions.ts'
import { pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from '../column-types.ts'

export const tenants = pgTable('tenants', {
  id: uuid().primaryKey(),
  name_sealed: bytea().notNull(),
  created_at: instant().notNull().defaultNow(),
})

export const users = pgTable(
  'users',
  {
    tenant_id: uuid().notNull(),
    id: uuid().notNull(),
    email_index: bytea().notNull(),
    email_sealed: bytea().notNull(),
    display_name_sealed: bytea(),
    role: text({ enum: ROLES }).notNull(),
    password_hash: text().notNull(),
    created_at: instant().notNull().defaultNow(),
    deactivated_at: instant(),
  },
  (table) => [primaryKey({ columns: [table.tenant_id, table.id] })],
)

import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from '../column-types.ts'

export const apiKeys = pgTable(
  'api_keys',
  {
    tenant_id: uuid().notNull(),
    id: uuid().notNull(),
    key_id: text().notNull().unique(),
    secret_hash: bytea().notNull(),
    name_sealed: bytea().notNull(),
    scopes: text({ enum: PERMISSIONS }).array().notNull(),
    namespaces: text().array(),
    subjects: text().array(),
    created_by: uuid(),
    created_at: instant().notNull().defaultNow(),
    expires_at: instant().notNull(),
    last_used_at: instant(),
    revoked_at: instant(),
  },
  (table) => [primaryKey({ columns: [table.tenant_id, table.id] })],
)

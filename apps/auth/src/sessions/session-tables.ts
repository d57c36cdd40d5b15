import { pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from '../column-types.ts'

export const sessions = pgTable(
  'sessions',
  {
    tenant_id: uuid().notNull(),
    id: uuid().notNull(),
    user_id: uuid().notNull(),
    created_at: instant().notNull().defaultNow(),
    expires_at: instant().notNull(),
    idle_expires_at: instant().notNull(),
    revoked_at: instant(),
    revoked_reason: text({ enum: ['logout', 'token_reused'] }),
  },
  (table) => [primaryKey({ columns: [table.tenant_id, table.id] })],
)

export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    tenant_id: uuid().notNull(),
    hash: bytea().notNull(),
    session_id: uuid().notNull(),
    created_at: instant().notNull().defaultNow(),
    used_at: instant(),
    successor_sealed: bytea(),
  },
  (table) => [primaryKey({ columns: [table.tenant_id, table.hash] })],
)

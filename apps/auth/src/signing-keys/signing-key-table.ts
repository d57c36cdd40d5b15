import { jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { bytea, instant } from '../column-types.ts'
import { type Ed25519PublicJwk, SIGNING_KEY_STATES } from './signing-key.ts'

export const signingKeys = pgTable('signing_keys', {
  kid: text().primaryKey(),
  state: text({ enum: SIGNING_KEY_STATES }).notNull(),
  public_jwk: jsonb().$type<Ed25519PublicJwk>().notNull(),
  private_sealed: bytea().notNull(),
  created_at: instant().notNull().defaultNow(),
})

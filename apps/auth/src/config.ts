import { flag, integer, key256, messagingConfig, serverConfig, serviceKeyHashes } from '@memoric/service/config.ts'
import { networkConfig } from '@memoric/service/production-rules.ts'
import { z } from 'zod'

/** Every variable that auth reads. */
export const authConfig = z.object({
  ...serverConfig,
  ...networkConfig,
  ...messagingConfig,
  PORT: integer(0, 65_535).default(3457).describe('port to listen on; 0 takes a free one'),
  DATABASE_URL: z.string().min(1).describe('the database of auth, with the login of its application role'),
  DATABASE_POOL_MAX: integer(2, 200).default(10).describe('connections to the database'),
  MEMORIC_ENCRYPTION_KEY: z
    .string()
    .min(1)
    .describe('key encryption key, 32 random bytes in base64 or hex; MEMORIC_ENCRYPTION_KEY_FILE for a file'),
  MEMORIC_ALLOW_LOCAL_KEK: flag
    .default(false)
    .describe('in production: accept a key encryption key that lives on this machine'),
  PERSONAL_DATA_KEY: key256.describe('seals personal data of events on their way to audit, 32 random bytes in base64'),
  API_KEY_PEPPER: key256.describe('peppers the hashes of API keys, 32 random bytes in base64; never change it'),
  SERVICE_KEY_HASHES: serviceKeyHashes.describe('JSON object: calling service -> SHA-256 of its service key in hex'),
  MEMORIC_ENV: z
    .string()
    .regex(/^[a-z]{2,8}$/, { error: 'must be 2 to 8 small letters' })
    .default('local')
    .describe('second part of the API keys made here: mk_<env>_…'),
  REGISTRATION: z.enum(['open', 'closed']).default('open').describe('whether anybody may make a tenant'),
  SESSION_LIFETIME_DAYS: integer(1, 365).default(30).describe('days after which a session ends, however it is used'),
  SESSION_IDLE_DAYS: integer(1, 365).default(14).describe('days after which an unused session ends'),
  PASSWORD_MEMORY_KIB: integer(8, 262_144).default(19_456).describe('memory of one argon2id hash in KiB'),
  PASSWORD_PASSES: integer(1, 16).default(2).describe('passes of argon2id over its memory'),
  PASSWORD_CONCURRENCY: integer(1, 64).default(2).describe('password hashes computed at the same time'),
})

export type AuthConfig = z.output<typeof authConfig>

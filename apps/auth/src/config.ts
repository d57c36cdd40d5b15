import {
  flag,
  integer,
  key256,
  messagingConfig,
  serverConfig,
  serviceKeyHashes,
  serviceKeyHashesFile,
} from '@memoric/service/config.ts'
import { keyEncryptionConfig } from '@memoric/service/key-encryption/key-encryption-config.ts'
import { mailConfig } from '@memoric/service/mail/mail-config.ts'
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
  ...keyEncryptionConfig,
  PERSONAL_DATA_KEY: key256.describe('seals personal data of events on their way to audit, 32 random bytes in base64'),
  API_KEY_PEPPER: key256.describe('peppers the hashes of API keys, 32 random bytes in base64; never change it'),
  SERVICE_KEY_HASHES: serviceKeyHashes.describe('JSON object: calling service -> SHA-256 of its service key in hex'),
  SERVICE_KEY_HASHES_FILE: serviceKeyHashesFile,
  MEMORIC_ENV: z
    .string()
    .regex(/^[a-z]{2,8}$/, { error: 'must be 2 to 8 small letters' })
    .default('local')
    .describe('second part of the API keys made here: mk_<env>_…'),
  REGISTRATION: z
    .enum(['open', 'verified', 'closed'])
    .default('open')
    .describe('who may make a tenant: anybody, anybody with an address that receives mail, or nobody'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .default('http://127.0.0.1:3456')
    .describe('address of the gateway as clients know it, for mails and for redirects of identity providers'),
  ...mailConfig,
  SESSION_LIFETIME_DAYS: integer(1, 365).default(30).describe('days after which a session ends, however it is used'),
  SESSION_IDLE_DAYS: integer(1, 365).default(14).describe('days after which an unused session ends'),
  SESSIONS_PER_USER: integer(1, 100)
    .default(20)
    .describe('live sessions of a user; one more ends the one unused longest'),
  SIGNING_KEY_DAYS: integer(1, 365).default(30).describe('days after which access tokens are signed with the next key'),
  API_KEY_DEFAULT_DAYS: integer(1, 3650)
    .default(90)
    .describe('days that an API key lives unless its maker says otherwise'),
  API_KEY_MAX_DAYS: integer(1, 3650).default(365).describe('days that an API key can live at most'),
  OUTBOUND_PRIVATE_NETWORKS: flag
    .default(false)
    .describe('whether identity providers may be at private addresses and speak plain HTTP'),
  PASSWORD_MEMORY_KIB: integer(8, 262_144).default(19_456).describe('memory of one argon2id hash in KiB'),
  PASSWORD_PASSES: integer(1, 16).default(2).describe('passes of argon2id over its memory'),
  PASSWORD_CONCURRENCY: integer(1, 64)
    .optional()
    .describe('password hashes computed at the same time; all processors but one, 3 at most, when left out'),
})

export type AuthConfig = z.output<typeof authConfig>

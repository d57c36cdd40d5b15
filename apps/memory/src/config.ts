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
import { networkConfig } from '@memoric/service/production-rules.ts'
import { z } from 'zod'

/** Whole numbers are exact up to here. */
const MOST = Number.MAX_SAFE_INTEGER

/** Environment of the memory service. */
export const memoryConfig = z.object({
  ...serverConfig,
  ...networkConfig,
  PORT: integer(0, 65_535).default(3458).describe('port to listen on; 0 takes a free one'),
  DATABASE_URL: z.string().min(1).describe('PostgreSQL, database memoric_memory, role memoric_memory'),
  DATABASE_POOL: integer(1, 200).default(10).describe('most connections to PostgreSQL'),
  ...messagingConfig,
  ...keyEncryptionConfig,
  PERSONAL_DATA_KEY: key256.describe(
    'shared with the audit service: seals addresses and e-mails in events; 32 bytes in base64',
  ),
  SERVICE_KEY_HASHES: serviceKeyHashes.describe(
    'who may call: JSON object, name of the caller -> SHA-256 of its service key in hex',
  ),
  SERVICE_KEY_HASHES_FILE: serviceKeyHashesFile,
  KEY_CACHE_ENTRIES: integer(10, 1_000_000).default(10_000).describe('most unwrapped subject keys in memory'),
  KEY_CACHE_SECONDS: integer(1, 3600).default(300).describe('longest time that an unwrapped key stays in memory'),
  EXPORT_HOURS: integer(1, 720).default(24).describe('how long an export can be downloaded, hours'),
  EXPORTS_AT_ONCE: integer(1, 16)
    .default(2)
    .describe('exports that this process makes at a time, by turns of the tenants'),
  EXPORTS_RUNNING_MAX: integer(1, 100).default(3).describe('most exports of a tenant that are made at once'),
  QUOTA_TENANT_MEMORIES: integer(0, MOST)
    .default(10_000_000)
    .describe('most memories of a tenant without a quota of its own'),
  QUOTA_TENANT_BYTES: integer(0, MOST)
    .default(107_374_182_400)
    .describe('most bytes that its memories and their replaced versions may take, sealed'),
  QUOTA_SUBJECT_MEMORIES: integer(0, MOST).default(1_000_000).describe('most memories of each of its subjects'),
  QUOTA_SUBJECT_BYTES: integer(0, MOST).default(10_737_418_240).describe('most bytes of each of its subjects'),
  SEARCH_CACHE_MIB: integer(1, 65_536).default(256).describe('most memory for search indexes'),
  SEARCH_SUBJECTS: integer(1, 1000)
    .default(100)
    .describe('most subjects that one search of the scopes namespace and global looks at'),
  TEXT_MODEL_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('OpenAI-compatible API that policies may let write summaries, for example https://api.openai.com/v1'),
  TEXT_MODEL_NAME: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('model that is asked for; needed with TEXT_MODEL_URL'),
  TEXT_MODEL_KEY: z.string().min(1).optional().describe('bearer token for it'),
  TEXT_MODEL_TIMEOUT_MS: integer(100, 45_000).default(30_000).describe('longest time for one answer of it'),
  EMBEDDINGS_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((url) => !/^[a-z]+:\/\/[^/?#]*@/i.test(url), { error: 'must not contain a user or a password' })
    .optional()
    .describe(
      'address of an OpenAI-compatible API, to which texts of memories and queries are given in clear: /embeddings is added; none turns embeddings off',
    ),
  EMBEDDINGS_MODEL: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('model that is asked for; needed with EMBEDDINGS_URL'),
  EMBEDDINGS_KEY: z.string().min(1).optional().describe('bearer token for it'),
  EMBEDDINGS_DIMENSIONS: integer(1, 16_384)
    .optional()
    .describe('dimensions that are asked for; those of the model when left out'),
  EMBEDDINGS_TIMEOUT_MS: integer(100, 60_000).default(10_000).describe('longest time for a request of many texts'),
  EMBEDDINGS_QUERY_TIMEOUT_MS: integer(10, 10_000)
    .default(300)
    .describe('longest time that a search waits for the vector of its query'),
  EMBEDDINGS_MIN_SIMILARITY: z
    .string()
    .regex(/^(?:0(?:\.\d+)?|1(?:\.0+)?)$/, { error: 'must be a number from 0 to 1' })
    .transform(Number)
    .default(0.3)
    .describe('least similarity by which a memory is found that has no word of a query'),
  EMBEDDINGS_CACHE_MIB: integer(1, 65_536).default(128).describe('most memory for vectors'),
  SEARCH_GLOBAL: flag.default(false).describe('whether administrators may search all subjects of their tenant'),
})
export type MemoryConfig = z.output<typeof memoryConfig>

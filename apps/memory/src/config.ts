import {
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
  SEARCH_CACHE_MIB: integer(1, 65_536).default(256).describe('most memory for search indexes'),
})
export type MemoryConfig = z.output<typeof memoryConfig>

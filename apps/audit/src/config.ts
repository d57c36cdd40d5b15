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

/** Every variable that audit reads. */
export const auditConfig = z.object({
  ...serverConfig,
  ...networkConfig,
  ...messagingConfig,
  PORT: integer(0, 65_535).default(3459).describe('port to listen on; 0 takes a free one'),
  DATABASE_URL: z.string().min(1).describe('address of the database memoric_audit, with the role of this app'),
  DATABASE_POOL_MAX: integer(2, 200).default(10).describe('connections to the database'),
  ...keyEncryptionConfig,
  PERSONAL_DATA_KEY: key256.describe(
    'key under which address, user agent and e-mail travel inside events; one for all apps',
  ),
  SERVICE_KEY_HASHES: serviceKeyHashes.describe(
    'JSON: name of each calling service -> SHA-256 of its service key in hex',
  ),
  SERVICE_KEY_HASHES_FILE: serviceKeyHashesFile,
})
export type AuditConfig = z.output<typeof auditConfig>

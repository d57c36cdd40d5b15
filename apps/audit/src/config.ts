import {
  flag,
  integer,
  key256,
  list,
  messagingConfig,
  serverConfig,
  serviceKeyHashes,
  serviceKeyHashesFile,
} from '@memoric/service/config.ts'
import { parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import { keyEncryptionConfig } from '@memoric/service/key-encryption/key-encryption-config.ts'
import { mailConfig } from '@memoric/service/mail/mail-config.ts'
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
  AUDIT_ORIGIN: z
    .string()
    .regex(/^[^\s+]{1,255}$/u, { error: 'must have no space and no +' })
    .optional()
    .describe('name of the log in its checkpoints, e.g. audit.example.com/log; made up and kept on the first start'),
  AUDIT_ANCHOR_FILE: z.string().min(1).optional().describe('file that checkpoints of the log are appended to'),
  AUDIT_ANCHOR_URL: z.url().optional().describe('URL that checkpoints of the log are posted to, as text'),
  AUDIT_ANCHOR_SECONDS: integer(1, 86_400).default(10).describe('least time between two checkpoints at one anchor'),
  AUDIT_WITNESSES: list
    .default([])
    .transform((entries, context) => entries.map((entry) => witnessAddress(entry, context)))
    .describe('witnesses that cosign checkpoints: verifier key, a space and the URL, separated by commas'),
  AUDIT_RETENTION_DAYS: integer(180, 36_500)
    .optional()
    .describe('days that tenants keep their lines who have not chosen themselves; for ever when left out'),
  AUDIT_COMPARISON_SECONDS: integer(1, 3600)
    .default(600)
    .describe('time between two comparisons of the log with what the apps have counted'),
  AUDIT_DEAD_LETTER_DAYS: integer(7, 3650)
    .default(90)
    .describe('days that dead letters are kept after they came last, in the database and in their stream'),
  PERSONAL_DATA_KEY: key256.describe(
    'key under which address, user agent and e-mail travel inside events; one for all apps',
  ),
  ...mailConfig,
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .default('http://127.0.0.1:3456')
    .describe('address of the gateway as clients know it, for mails about alerts'),
  OUTBOUND_PRIVATE_NETWORKS: flag
    .default(false)
    .describe('whether webhooks of tenants may be at private addresses and speak plain HTTP'),
  SERVICE_KEY_HASHES: serviceKeyHashes.describe(
    'JSON: name of each calling service -> SHA-256 of its service key in hex',
  ),
  SERVICE_KEY_HASHES_FILE: serviceKeyHashesFile,
})
export type AuditConfig = z.output<typeof auditConfig>

/** Parts of an entry of AUDIT_WITNESSES. */
function witnessAddress(entry: string, context: z.RefinementCtx) {
  const [verifierKey = '', url = '', ...surplus] = entry.split(/\s+/)
  if (surplus.length > 0 || !isWitnessKey(verifierKey) || !URL.canParse(url)) {
    context.addIssue({ code: 'custom', message: 'must be verifier keys of witnesses, each with a URL' })
  }
  return { verifierKey, url }
}

function isWitnessKey(text: string): boolean {
  try {
    return parseVerifierKey(text).cosigns
  } catch {
    return false
  }
}

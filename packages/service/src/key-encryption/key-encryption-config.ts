import { z } from 'zod'
import { flag } from '../config.ts'

/** Several keys of one provider: the first wraps, the others still unwrap. */
const keys = z.string().transform((value) =>
  value
    .split(/[\s,]+/)
    .map((part) => part.trim())
    .filter((part) => part !== ''),
)

const nameOfKeys = 'several separated by commas: the first wraps, the others still open what they wrapped'

/** Variables of every app that keeps keys. */
export const keyEncryptionConfig = {
  KEK_PROVIDER: z
    .enum(['local', 'aws-kms', 'vault-transit'])
    .default('local')
    .describe('where the key encryption key lives; other providers that are configured still open what they wrapped'),
  MEMORIC_ENCRYPTION_KEY: keys
    .optional()
    .describe(`for local: 32 random bytes in base64 or hex, ${nameOfKeys}; MEMORIC_ENCRYPTION_KEY_FILE for a file`),
  MEMORIC_ALLOW_LOCAL_KEK: flag
    .default(false)
    .describe('in production: accept a key encryption key that lives on this machine'),
  AWS_KMS_KEYS: keys
    .optional()
    .describe(
      `for aws-kms: ids, ARNs or aliases of symmetric keys, ${nameOfKeys}; credentials come from the usual places of AWS`,
    ),
  AWS_KMS_REGION: z.string().min(1).optional().describe('for aws-kms: region; that of the environment when left out'),
  AWS_KMS_ENDPOINT: z.url().optional().describe('for aws-kms: another endpoint, such as one inside a private network'),
  VAULT_ADDR: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('for vault-transit: address of HashiCorp Vault or OpenBao'),
  VAULT_TRANSIT_KEYS: keys
    .optional()
    .describe(`for vault-transit: names of keys of the type aes256-gcm96 or chacha20-poly1305, ${nameOfKeys}`),
  VAULT_TRANSIT_MOUNT: z.string().min(1).default('transit').describe('for vault-transit: where the engine is mounted'),
  VAULT_NAMESPACE: z.string().min(1).optional().describe('for vault-transit: namespace, if there are any'),
  VAULT_TOKEN: z.string().min(1).optional().describe('for vault-transit: a token; VAULT_TOKEN_FILE for a file'),
  VAULT_TOKEN_PATH: z
    .string()
    .min(1)
    .optional()
    .describe('for vault-transit: file that an agent keeps fresh, read before each call, in the place of VAULT_TOKEN'),
}

export type KeyEncryptionConfig = z.output<z.ZodObject<typeof keyEncryptionConfig>>

import { CryptoError } from '@memoric/crypto/errors.ts'
import { createKekRing, createLocalKek, type KekProvider, type KekRing } from '@memoric/crypto/kek.ts'
import { ConfigError } from '../config.ts'
import type { KeyEncryptionConfig } from './key-encryption-config.ts'

type Provider = KeyEncryptionConfig['KEK_PROVIDER']

/**
 * Every key encryption key that is configured, that of KEK_PROVIDER first. Reaches no provider yet.
 * Throws ConfigError when the chosen provider is not configured, or a key is not one.
 */
export async function openKeyEncryption(config: KeyEncryptionConfig): Promise<KekRing> {
  const providers: Record<Provider, readonly KekProvider[]> = {
    local: localKeks(config),
    'aws-kms': await awsKeks(config),
    'vault-transit': await vaultKeks(config),
  }
  const { [config.KEK_PROVIDER]: chosen, ...others } = providers
  const [current, ...previous] = chosen
  if (current === undefined) throw new ConfigError(MISSING[config.KEK_PROVIDER])
  try {
    return createKekRing(current, [...previous, ...Object.values<readonly KekProvider[]>(others).flat()])
  } catch (cause) {
    throw new ConfigError('A key encryption key is configured twice.', { cause })
  }
}

const MISSING: Readonly<Record<Provider, string>> = {
  local: 'MEMORIC_ENCRYPTION_KEY is missing: 32 random bytes in base64 or hex.',
  'aws-kms': 'KEK_PROVIDER is aws-kms, so AWS_KMS_KEYS must name a key.',
  'vault-transit':
    'KEK_PROVIDER is vault-transit, so VAULT_ADDR, VAULT_TRANSIT_KEYS and VAULT_TOKEN or VAULT_TOKEN_PATH are needed.',
}

function localKeks({ MEMORIC_ENCRYPTION_KEY: texts = [] }: KeyEncryptionConfig): KekProvider[] {
  try {
    return texts.map((text) => createLocalKek(text))
  } catch (cause) {
    const why = cause instanceof CryptoError && cause.code === 'weak_key' ? ' A key in it is not random.' : ''
    throw new ConfigError(`MEMORIC_ENCRYPTION_KEY must be 32 random bytes in base64 or hex.${why}`, { cause })
  }
}

/** The SDK is large: whoever does not use it does not load it. */
async function awsKeks(config: KeyEncryptionConfig): Promise<KekProvider[]> {
  const { AWS_KMS_KEYS: ids = [], AWS_KMS_REGION: region, AWS_KMS_ENDPOINT: endpoint } = config
  if (ids.length === 0) return []
  const { createAwsKmsKeks } = await import('./aws-kms-kek.ts')
  return createAwsKmsKeks(ids, { region, endpoint })
}

async function vaultKeks(config: KeyEncryptionConfig): Promise<KekProvider[]> {
  const { VAULT_ADDR: address, VAULT_TRANSIT_KEYS: names = [], VAULT_NAMESPACE: namespace } = config
  const { VAULT_TOKEN: token, VAULT_TOKEN_PATH: tokenPath, VAULT_TRANSIT_MOUNT: mount } = config
  if (address === undefined || names.length === 0 || (token === undefined && tokenPath === undefined)) return []
  const { createVaultTransitKek } = await import('./vault-transit-kek.ts')
  return names.map((key) => createVaultTransitKek({ address, mount, key, namespace, token, tokenPath }))
}

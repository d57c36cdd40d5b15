import {
  DecryptCommand,
  EncryptCommand,
  IncorrectKeyException,
  InvalidCiphertextException,
  KMSClient,
} from '@aws-sdk/client-kms'
import { CryptoError } from '@memoric/crypto/errors.ts'
import type { KekProvider } from '@memoric/crypto/kek.ts'

export interface AwsKmsOptions {
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
}

const ATTEMPTS = 3
const TIMEOUT_MS = 3000

/**
 * KEKs in AWS KMS, all through one client. The context is the encryption context, so that it stands in the trail of KMS,
 * and the key is named when unwrapping: a blob of somebody else's key is refused.
 */
export function createAwsKmsKeks(keyIds: readonly string[], { region, endpoint }: AwsKmsOptions): KekProvider[] {
  const client = new KMSClient({
    maxAttempts: ATTEMPTS,
    requestHandler: { requestTimeout: TIMEOUT_MS, connectionTimeout: TIMEOUT_MS },
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  })
  return keyIds.map((keyId) => awsKmsKek(client, keyId))
}

function awsKmsKek(client: KMSClient, keyId: string): KekProvider {
  return {
    id: `aws-kms:${keyId}`,
    async wrap(key, context) {
      const command = new EncryptCommand({ KeyId: keyId, Plaintext: key, EncryptionContext: { ...context } })
      const { CiphertextBlob } = await client.send(command).catch(refuse)
      return bytesOf(CiphertextBlob)
    },
    async unwrap(blob, context) {
      const command = new DecryptCommand({ KeyId: keyId, CiphertextBlob: blob, EncryptionContext: { ...context } })
      const { Plaintext } = await client.send(command).catch(refuse)
      return bytesOf(Plaintext)
    },
  }
}

function bytesOf(bytes: Uint8Array | undefined): Buffer {
  if (bytes === undefined) throw new CryptoError('kek_unavailable')
  return Buffer.from(bytes)
}

function refuse(error: unknown): never {
  const isWrong = error instanceof InvalidCiphertextException || error instanceof IncorrectKeyException
  throw new CryptoError(isWrong ? 'decryption_failed' : 'kek_unavailable', { cause: error })
}

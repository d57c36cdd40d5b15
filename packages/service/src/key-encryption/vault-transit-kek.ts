import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { contextText, type KekContext, type KekProvider } from '@memoric/crypto/kek.ts'
import { z } from 'zod'

export interface VaultTransitOptions {
  readonly address: string
  /** Path of the transit engine. */
  readonly mount: string
  /** Name of the key; its versions are Vault's own affair. */
  readonly key: string
  readonly namespace?: string | undefined
  readonly token?: string | undefined
  /** File that holds the token, read before each call. */
  readonly tokenPath?: string | undefined
}

const ATTEMPTS = 3
const PAUSE_MS = 200
const TIMEOUT_MS = 3000

const encrypted = z.object({ data: z.object({ ciphertext: z.string().startsWith('vault:') }) })
const decrypted = z.object({ data: z.object({ plaintext: z.base64() }) })

/** A KEK in the transit engine of HashiCorp Vault or OpenBao. The context is the associated data of the AEAD. */
export function createVaultTransitKek(options: VaultTransitOptions): KekProvider {
  const { mount, key } = options
  return {
    id: `vault-transit:${mount}/${key}`,
    async wrap(bytes, context) {
      const body = { plaintext: base64(bytes), associated_data: associatedData(context) }
      const { data } = await call(options, 'encrypt', body, encrypted)
      return Buffer.from(data.ciphertext)
    },
    async unwrap(blob, context) {
      const body = { ciphertext: Buffer.from(blob).toString(), associated_data: associatedData(context) }
      const { data } = await call(options, 'decrypt', body, decrypted)
      return Buffer.from(data.plaintext, 'base64')
    },
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function associatedData(context: KekContext): string {
  return base64(Buffer.from(contextText(context)))
}

async function call<T>(options: VaultTransitOptions, verb: string, body: object, schema: z.ZodType<T>): Promise<T> {
  try {
    const response = await post(options, verb, body)
    if (response.status === 400 && verb === 'decrypt') throw new CryptoError('decryption_failed')
    if (!response.ok) throw new Error(`Vault answered ${response.status} to ${verb}`)
    return schema.parse(await response.json())
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause
    throw new CryptoError('kek_unavailable', { cause })
  }
}

/** Asks again while Vault is sealed, is changing its leader, or does not answer. */
async function post(options: VaultTransitOptions, verb: string, body: object): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await postOnce(options, verb, body).catch((error: unknown) => {
      if (attempt === ATTEMPTS) throw error
      return null
    })
    if (response !== null && (response.status < 500 || attempt === ATTEMPTS)) return response
    await response?.body?.cancel()
    await sleep(PAUSE_MS * attempt)
  }
}

async function postOnce(options: VaultTransitOptions, verb: string, body: object): Promise<Response> {
  const { address, mount, key, namespace } = options
  const url = new URL(`/v1/${mount}/${verb}/${encodeURIComponent(key)}`, address)
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-vault-token': await tokenOf(options),
      'x-vault-request': 'true',
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
    },
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
}

async function tokenOf({ token, tokenPath }: VaultTransitOptions): Promise<string> {
  return tokenPath === undefined ? (token ?? '') : (await readFile(tokenPath, 'utf8')).trim()
}

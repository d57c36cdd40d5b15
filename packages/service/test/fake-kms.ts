import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

interface KmsBody {
  readonly KeyId: string
  readonly Plaintext?: string
  readonly CiphertextBlob?: string
  readonly EncryptionContext: Record<string, string>
}

/** AWS KMS at its HTTP edge (JSON 1.1): Encrypt and Decrypt with a symmetric key and an encryption context. */
export interface FakeKms {
  readonly url: string
  failing: { status: number; times: number }
  readonly seen: { target: unknown; authorization: unknown; body: KmsBody }[]
  stop(): Promise<void>
}

export async function startFakeKms(): Promise<FakeKms> {
  const keys = new Map<string, Buffer>()
  const keyOf = (name: string) => keys.get(name) ?? keys.set(name, randomBytes(32)).get(name)!
  const kms = { failing: { status: 500, times: 0 }, seen: [] as FakeKms['seen'] }
  const server = createServer((request, response) => {
    void (async () => {
      const body = (await json(request)) as KmsBody
      const { 'x-amz-target': target, authorization } = request.headers
      kms.seen.push({ target, authorization, body })
      const answer = (status: number, data: object) =>
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(data))
      if (kms.failing.times-- > 0) return answer(kms.failing.status, { __type: 'KMSInternalException' })
      try {
        return answer(200, String(target).endsWith('.Encrypt') ? encrypt(keyOf, body) : decrypt(keyOf, body))
      } catch (error) {
        return answer(400, {
          __type: (error as Error).message === 'key' ? 'IncorrectKeyException' : 'InvalidCiphertextException',
        })
      }
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return Object.assign(kms, { url: `http://127.0.0.1:${port}`, stop })
}

function aad({ EncryptionContext: context }: KmsBody): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort()))
}

function encrypt(keyOf: (name: string) => Buffer, body: KmsBody) {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyOf(body.KeyId), nonce).setAAD(aad(body))
  const sealed = Buffer.concat([cipher.update(body.Plaintext ?? '', 'base64'), cipher.final(), cipher.getAuthTag()])
  const blob = Buffer.concat([Buffer.from(`${body.KeyId}\0`), nonce, sealed])
  return { CiphertextBlob: blob.toString('base64'), KeyId: body.KeyId }
}

function decrypt(keyOf: (name: string) => Buffer, body: KmsBody) {
  const blob = Buffer.from(body.CiphertextBlob ?? '', 'base64')
  const end = blob.indexOf(0)
  if (blob.subarray(0, end).toString() !== body.KeyId) throw new Error('key')
  const bytes = blob.subarray(end + 1)
  const decipher = createDecipheriv('aes-256-gcm', keyOf(body.KeyId), bytes.subarray(0, 12)).setAAD(aad(body))
  decipher.setAuthTag(bytes.subarray(-16))
  const plaintext = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
  return { Plaintext: plaintext.toString('base64'), KeyId: body.KeyId }
}

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

interface TransitBody {
  readonly plaintext?: string
  readonly ciphertext?: string
  readonly associated_data: string
}

/** The transit engine of Vault at its HTTP edge: AES-256-GCM keys by name, with associated data. */
export interface FakeVault {
  readonly url: string
  token: string
  /** Answers with this status, as many times as it says. */
  failing: { status: number; times: number }
  readonly seen: { path: string; token: unknown; namespace: unknown }[]
  stop(): Promise<void>
}

export async function startFakeVault(): Promise<FakeVault> {
  const keys = new Map<string, Buffer>()
  const keyOf = (name: string) => keys.get(name) ?? keys.set(name, randomBytes(32)).get(name)!
  const vault = { token: 'a-token', failing: { status: 503, times: 0 }, seen: [] as FakeVault['seen'] }
  const server: Server = createServer((request, response) => {
    void (async () => {
      const body = (await json(request)) as TransitBody
      const path = request.url ?? ''
      const token = request.headers['x-vault-token']
      vault.seen.push({ path, token, namespace: request.headers['x-vault-namespace'] })
      const answer = (status: number, data: object) => response.writeHead(status).end(JSON.stringify({ data }))
      if (vault.failing.times-- > 0) return answer(vault.failing.status, {})
      if (token !== vault.token) return answer(403, {})
      const [, , , verb, name = ''] = path.split('/')
      try {
        return answer(200, verb === 'encrypt' ? encrypt(keyOf(name), body) : decrypt(keyOf(name), body))
      } catch {
        return answer(400, {})
      }
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return Object.assign(vault, { url: `http://127.0.0.1:${port}`, stop })
}

function encrypt(key: Buffer, { plaintext = '', associated_data }: TransitBody) {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(associated_data, 'base64'))
  const bytes = Buffer.concat([nonce, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()])
  return { ciphertext: `vault:v1:${bytes.toString('base64')}` }
}

function decrypt(key: Buffer, { ciphertext = '', associated_data }: TransitBody) {
  const bytes = Buffer.from(ciphertext.replace('vault:v1:', ''), 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
  decipher.setAAD(Buffer.from(associated_data, 'base64')).setAuthTag(bytes.subarray(-16))
  return { plaintext: Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64') }
}

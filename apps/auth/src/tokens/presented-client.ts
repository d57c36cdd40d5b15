import { type ApiKey, parseApiKey } from '@memoric/crypto/api-key.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** What a client presents in the body (RFC 6749 section 2.3.1). */
interface ClientInBody {
  readonly client_id?: string | undefined
  readonly client_secret?: string | undefined
}

interface PresentedClient {
  readonly id: string
  readonly secret: string
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="memoric"' }

/** The answer to a client that is not known or does not prove who it is; `headers` go along. */
export function invalidClient(headers: Readonly<Record<string, string>> = {}): AppError {
  return new AppError('invalid_client', { headers: { ...CHALLENGE, ...headers } })
}

/**
 * The API key that a client presents: by HTTP Basic or in the body. Its secret is the whole key, or what follows the last `_` of it.
 * Throws AppError `invalid_client`, at no cost for junk, and `malformed_request` for a client that presents itself in both ways.
 */
export function presentedClient(authorization: string | undefined, body: ClientInBody, env: string): ApiKey {
  const { id, secret } = authorization === undefined ? fromBody(body) : fromHeader(authorization, body)
  const key = parseApiKey(secret.startsWith('mk_') ? secret : `mk_${env}_${id}_${secret}`)
  if (key?.keyId !== id) throw invalidClient()
  return key
}

function fromBody({ client_id: id, client_secret: secret }: ClientInBody): PresentedClient {
  if (id === undefined || secret === undefined) throw invalidClient()
  return { id, secret }
}

function fromHeader(authorization: string, body: ClientInBody): PresentedClient {
  const client = readBasic(authorization)
  if (client === null) throw invalidClient()
  if (body.client_secret !== undefined || (body.client_id ?? client.id) !== client.id) {
    throw new AppError('malformed_request', {
      detail: 'a client authenticates in the header or in the body, not in both',
    })
  }
  return client
}

/** Both parts are encoded as in a form before they are joined. */
function readBasic(authorization: string): PresentedClient | null {
  const base64 = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  if (base64 === undefined) return null
  const text = Buffer.from(base64, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon === -1) return null
  try {
    return { id: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) }
  } catch {
    return null
  }
}

/** Throws URIError. */
function formDecoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

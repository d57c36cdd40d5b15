import { type KeyObject, randomUUID, sign as signBytes } from 'node:crypto'

/** Who signs the access tokens that an API believes. */
export interface TokenIssuer {
  readonly kid: string
  /** Ed25519. */
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** Whose tokens are forged. */
export interface TokenSubject {
  readonly sub: string
  readonly sid: string
  readonly tenant_id: string
}

export type Parts = Readonly<Record<string, unknown>>

/** Makes tokens whose every part can be wrong. */
export interface TokenForge {
  readonly issuer: TokenIssuer
  /** The header of a token that stands, with changes. */
  readonly header: (changes?: Parts) => Parts
  /** The claims of a token that stands, with changes. */
  readonly claims: (changes?: Parts) => Parts
  /** A token of these parts, signed with Ed25519 by the issuer or with another key. */
  readonly token: (header?: Parts, claims?: Parts, key?: KeyObject) => string
  /** A token of two texts as they are, signed. */
  readonly sealed: (header: string, payload: string, key?: KeyObject) => string
}

/** base64url of bytes, of a text, or of the JSON of a value. */
export function encodePart(value: unknown): string {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  return bytes.toString('base64url')
}

/** A forge of tokens of `subject` that look as if they came from `issuer`. */
export function createTokenForge(issuer: TokenIssuer, subject: TokenSubject): TokenForge {
  const header = (changes: Parts = {}): Parts => ({ alg: 'EdDSA', typ: 'at+jwt', kid: issuer.kid, ...changes })
  const claims = (changes: Parts = {}): Parts => {
    const now = Math.floor(Date.now() / 1000)
    const times = { iat: now, exp: now + 900 }
    return { iss: 'memoric', aud: 'memoric-api', role: 'owner', jti: randomUUID(), ...subject, ...times, ...changes }
  }
  const sealed = (head: string, payload: string, key = issuer.privateKey): string => {
    const signed = `${head}.${payload}`
    return `${signed}.${signBytes(null, Buffer.from(signed), key).toString('base64url')}`
  }
  const token = (head = header(), body = claims(), key = issuer.privateKey): string =>
    sealed(encodePart(head), encodePart(body), key)
  return { issuer, header, claims, token, sealed }
}

/** A token that nobody may believe: what is wrong with it, and how it is made. */
export type ForgedToken = readonly [what: string, forge: (forge: TokenForge) => string]

/** `header.payload` of a token. */
export function unsigned(token: string): string {
  return token.slice(0, token.lastIndexOf('.'))
}

export function signatureOf(token: string): string {
  return token.slice(token.lastIndexOf('.') + 1)
}

/** A value for the name of a case. */
export function label(value: unknown): string {
  if (value === undefined) return 'that is missing'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 50)}… (${text.length})` : text
}

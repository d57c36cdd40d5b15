import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import { encodePart, type ForgedToken, label, type TokenForge, unsigned } from './token-forge.ts'

const stranger = generateKeyPairSync('ed25519')
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

function signedAs(alg: string, key: KeyObject) {
  return ({ header, claims }: TokenForge): string => {
    const signed = `${encodePart(header({ alg }))}.${encodePart(claims())}`
    return `${signed}.${signBytes('sha256', Buffer.from(signed), key).toString('base64url')}`
  }
}

/** No algorithm, another one, or another key. */
export const FORGED_ALGORITHMS: readonly ForgedToken[] = [
  ...['none', 'nOnE', 'NONE', 'None', ''].flatMap((alg): ForgedToken[] => [
    [`alg ${label(alg)} with a signature`, ({ header, token }) => token(header({ alg }))],
    [`alg ${label(alg)} with an empty signature`, ({ header, token }) => `${unsigned(token(header({ alg })))}.`],
    [`alg ${label(alg)} without a signature`, ({ header, token }) => unsigned(token(header({ alg })))],
  ]),
  ...['ES256', 'RS256', 'PS256', 'HS256', 'Ed448', 'eddsa', 'EdDSA ', 'Ed25519ph'].map((alg): ForgedToken => [
    `the signature of the issuer called ${label(alg)}`,
    ({ header, token }) => token(header({ alg })),
  ]),
  ...[null, 0, true, ['EdDSA'], { name: 'EdDSA' }, undefined].map((alg): ForgedToken => [
    `alg ${label(alg)}`,
    ({ header, token }) => token(header({ alg })),
  ]),
  ['ES256 with a key of its own', signedAs('ES256', p256.privateKey)],
  ['RS256 with a key of its own', signedAs('RS256', rsa.privateKey)],
  ['EdDSA with a key of its own', ({ token }) => token(undefined, undefined, stranger.privateKey)],
  ['EdDSA with an elliptic key', signedAs('EdDSA', p256.privateKey)],
]

const publicForms: Readonly<Record<string, (key: KeyObject, kid: string) => string | Buffer>> = {
  PEM: (key) => pem(key),
  'PEM without its last line break': (key) => pem(key).trim(),
  'PEM with line breaks of Windows': (key) => pem(key).replaceAll('\n', '\r\n'),
  JWK: (key) => JSON.stringify(key.export({ format: 'jwk' })),
  'JWK as it is published': (key, kid) =>
    JSON.stringify({ ...key.export({ format: 'jwk' }), kid, alg: 'EdDSA', use: 'sig' }),
  'JWK set': (key, kid) => JSON.stringify({ keys: [{ ...key.export({ format: 'jwk' }), kid }] }),
  DER: (key) => key.export({ type: 'spki', format: 'der' }),
  'its 32 bytes': (key) => Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url'),
  'its x': (key) => String(key.export({ format: 'jwk' }).x),
  'its kid': (_key, kid) => kid,
  nothing: () => '',
}

function pem(key: KeyObject): string {
  return String(key.export({ type: 'spki', format: 'pem' }))
}

/** The public key of the issuer is no secret, in whatever form somebody takes it for one. */
export const PUBLIC_KEY_AS_SECRET: readonly ForgedToken[] = ['HS256', 'HS384', 'HS512'].flatMap((alg) =>
  Object.entries(publicForms).map(([form, secretOf]): ForgedToken => [
    `${alg} with the public key for a secret: ${form}`,
    ({ issuer, header, claims }) => {
      const signed = `${encodePart(header({ alg }))}.${encodePart(claims())}`
      const mac = createHmac(alg.replace('HS', 'sha'), secretOf(issuer.publicKey, issuer.kid)).update(signed)
      return `${signed}.${mac.digest('base64url')}`
    },
  ]),
)

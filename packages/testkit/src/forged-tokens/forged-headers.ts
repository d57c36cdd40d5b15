import { generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { encodePart, type ForgedToken, label, type Parts, type TokenForge } from './token-forge.ts'

const stranger = generateKeyPairSync('ed25519')

/** Key ids that would like to be a path, a query, an address or another key. */
export const FORGED_KIDS: readonly ForgedToken[] = [
  ...[
    '../../../dev/null',
    '/proc/self/environ',
    "' or 1=1--",
    "x' union select 'AAAA'--",
    'http://127.0.0.1/jwks.json',
    '__proto__',
    'constructor',
    'key\u0000',
    'key\n',
    '',
    ' ',
    'k'.repeat(200),
    'k'.repeat(10_240),
    'A'.repeat(43),
    1,
    null,
    {},
    ['key'],
    undefined,
  ].map((kid): ForgedToken => [`kid ${label(kid)}`, ({ header, token }) => token(header({ kid }))]),
  ['the kid of the issuer with another key', ({ token }) => token(undefined, undefined, stranger.privateKey)],
  ['the kid of the issuer in a list', ({ issuer, header, token }) => token(header({ kid: [issuer.kid] }))],
  ['the kid of the issuer and a space', ({ issuer, header, token }) => token(header({ kid: `${issuer.kid} ` }))],
]

const carriers: Readonly<Record<string, unknown>> = {
  jwk: { ...stranger.publicKey.export({ format: 'jwk' }), kid: 'stranger', alg: 'EdDSA', use: 'sig' },
  jku: 'http://127.0.0.1:1/jwks.json',
  x5u: 'http://127.0.0.1:1/certificate.pem',
  x5c: ['AAAA'],
}

/** Headers by which a token brings its own key. */
export const KEY_CARRIERS: readonly ForgedToken[] = Object.entries(carriers).flatMap(([name, value]): ForgedToken[] => [
  [
    `${name} of a stranger, who signs`,
    ({ header, token }) => token(header({ [name]: value }), undefined, stranger.privateKey),
  ],
  [
    `${name} of a stranger, who signs, without a kid`,
    ({ header, token }) => token(header({ kid: undefined, [name]: value }), undefined, stranger.privateKey),
  ],
  [`${name} beside the signature of the issuer`, ({ header, token }) => token(header({ [name]: value }))],
])

/** RFC 7797: the payload is signed as it is. */
function unencoded({ issuer, header, claims }: TokenForge): string {
  const head = encodePart(header({ b64: false, crit: ['b64'] }))
  const payload = JSON.stringify(claims())
  const signature = signBytes(null, Buffer.from(`${head}.${payload}`), issuer.privateKey)
  return `${head}.${encodePart(payload)}.${signature.toString('base64url')}`
}

const changes: readonly (readonly [string, Parts])[] = [
  ...[['exp'], ['unknown'], ['b64'], [], 'exp', null, [1], ['alg'], ['']].map(
    (crit) => [`crit ${label(crit)}`, { crit, b64: false, unknown: 1 }] as const,
  ),
  ...['JWT', 'jwt', 'id+jwt', 'refresh', 'logout+jwt', 'at', 'JOSE', 7, null, undefined].map(
    (typ) => [`typ ${label(typ)}`, { typ }] as const,
  ),
  ['a compressed payload', { zip: 'DEF', crit: ['zip'] }],
]

/** Headers that ask for more than there is, and tokens of another type. */
export const FORGED_HEADERS: readonly ForgedToken[] = [
  ...changes.map(([what, change]): ForgedToken => [what, ({ header, token }) => token(header(change))]),
  ['a payload that is not encoded', unencoded],
]

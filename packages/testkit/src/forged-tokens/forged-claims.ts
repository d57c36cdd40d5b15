import { randomUUID } from 'node:crypto'
import { type ForgedToken, type Parts } from './token-forge.ts'

const wrong: readonly (readonly [string, Parts])[] = [
  ['another issuer', { iss: 'somebody' }],
  ['no issuer', { iss: undefined }],
  ['a list of issuers', { iss: ['memoric'] }],
  ['another audience', { aud: 'memoric-internal' }],
  ['a list of other audiences', { aud: ['memoric-internal', 'memory'] }],
  ['an empty list of audiences', { aud: [] }],
  ['an audience that is no text', { aud: { 'memoric-api': true } }],
  ['no audience', { aud: undefined }],
  ['no subject', { sub: undefined }],
  ['a subject that is no text', { sub: 7 }],
  ['no session', { sid: undefined }],
  ['a session that is no text', { sid: { $ne: null } }],
  ['no tenant', { tenant_id: undefined }],
  ['no id', { jti: undefined }],
  ['no expiry', { exp: undefined }],
  ['an expiry that is text', { exp: '9999999999' }],
  ['an expiry that is a list', { exp: [9_999_999_999] }],
  ['an expiry of long ago', { exp: 1 }],
  ['no time of issue', { iat: undefined }],
  ['a time of issue that is text', { iat: '0' }],
  ['a session and a client', { client_id: randomUUID(), scope: 'admin:*' }],
]

const foreign: readonly (readonly [string, Parts])[] = [
  ['another subject', { sub: randomUUID() }],
  ['another session', { sid: randomUUID() }],
  ['a session that would like to be SQL', { sid: "' or 1=1--" }],
  ['a session of 1000 letters', { sid: 'x'.repeat(1000) }],
  ['another tenant', { tenant_id: randomUUID() }],
]

/** Seconds from now. */
const times: readonly (readonly [string, Readonly<Record<string, number>>])[] = [
  ['that has just expired, beyond the tolerance', { exp: -6, iat: -906 }],
  ['that is not valid before the next minute', { nbf: 60 }],
  ['of a clock that is ten minutes ahead', { iat: 600, exp: 1500 }],
  ['of a clock that is ten minutes ahead and ends as usual', { iat: 600, exp: 900 }],
  ['that lives for longer than the issuer lets tokens live', { iat: -1000, exp: 86_400 }],
]

function withClaims([what, changes]: readonly [string, Parts]): ForgedToken {
  return [what, ({ claims, token }) => token(undefined, claims(changes))]
}

/** Claims that only who knows the session can judge: the signature and the times are right. */
export const FOREIGN_CLAIMS: readonly ForgedToken[] = foreign.map(withClaims)

/** Claims that are missing, of another type, for another API, or out of their time. */
export const FORGED_CLAIMS: readonly ForgedToken[] = [
  ...wrong.map(withClaims),
  ...times.map(([what, offsets]): ForgedToken => [
    `a token ${what}`,
    ({ claims, token }) => {
      const now = Math.floor(Date.now() / 1000)
      const moved = Object.fromEntries(Object.entries(offsets).map(([name, offset]) => [name, now + offset]))
      return token(undefined, claims(moved))
    },
  ]),
]

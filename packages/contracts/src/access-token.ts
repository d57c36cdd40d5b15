/** Who issues access tokens, for whom, and of which type (RFC 9068): auth signs with these, the gateway asks for them. */
export const ACCESS_TOKEN = {
  issuer: 'memoric',
  audience: 'memoric-api',
  type: 'at+jwt',
  algorithm: 'EdDSA',
} as const

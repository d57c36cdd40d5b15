const messages = {
  decryption_failed: 'The data could not be decrypted',
  invalid_key: 'The key is not acceptable',
  weak_key: 'The key is too predictable to protect anything',
  unknown_key: 'No key with this id is in the ring',
  kek_unavailable: 'The provider of the key encryption key gives no answer that can be used',
  destroyed_key: 'The key has been destroyed',
  invalid_box: 'The bytes are not a sealed box',
  invalid_bytes: 'A byte argument has the wrong type or length',
  invalid_fields: 'The fields cannot be encoded',
  invalid_label: 'A label has characters or a length that are not allowed',
  invalid_hash: 'The stored password hash cannot be used',
  invalid_identity: 'The identity statement is not valid',
  password_too_long: 'The password is too long',
  busy: 'Too many password hashes are waiting',
} as const

/** Why an operation of this package failed. */
export type CryptoErrorCode = keyof typeof messages

/**
 * The only error this package throws on purpose. The message depends on the code alone, so that no input, key or
 * cause of a failed decryption can be read from it. A provider out of reach is told as `cause`.
 */
export class CryptoError extends Error {
  override readonly name = 'CryptoError'
  readonly code: CryptoErrorCode

  constructor(code: CryptoErrorCode, options?: { readonly cause: unknown }) {
    super(messages[code], options)
    this.code = code
  }
}

/** What an operator asked for cannot be done; the message says why, for a person. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
}

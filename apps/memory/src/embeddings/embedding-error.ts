/**
 * Why there are no vectors: `away` may be over soon; `refused` is about these texts; `misconfigured` stays until somebody changes the
 * settings.
 */
export type EmbeddingFailure = 'away' | 'refused' | 'misconfigured'

/** The endpoint gave no vectors. Nothing that it said, and nothing of a text, is in it. */
export class EmbeddingError extends Error {
  override readonly name = 'EmbeddingError'
  readonly failure: EmbeddingFailure
  /** How long the endpoint asks to be left alone, ms. */
  readonly retryAfterMs: number

  constructor(failure: EmbeddingFailure, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options)
    this.failure = failure
    this.retryAfterMs = options.retryAfterMs ?? 0
  }
}

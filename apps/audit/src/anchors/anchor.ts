import type { StoredCheckpoint } from '../checkpoints/checkpoint-repository.ts'

/** A place outside of the database where checkpoints are kept. */
export interface Anchor {
  readonly name: string
  /** Resolves once it is there. */
  publish(checkpoint: StoredCheckpoint): Promise<void>
}

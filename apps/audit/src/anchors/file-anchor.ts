import { open } from 'node:fs/promises'
import type { Anchor } from './anchor.ts'

/** Appends each checkpoint to a file; what is in it is never read or changed. */
export function createFileAnchor(path: string): Anchor {
  return {
    name: 'file',
    async publish({ note }) {
      const file = await open(path, 'a', 0o600)
      try {
        await file.appendFile(note)
        await file.datasync()
      } finally {
        await file.close()
      }
    },
  }
}

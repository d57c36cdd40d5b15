import { hash } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { WitnessStore } from './witness.ts'

/** A folder with a file for each log. */
export function createWitnessStore(folder: string): WitnessStore {
  const fileOf = (origin: string) => join(folder, `${hash('sha256', origin)}.checkpoint`)
  return {
    async read(origin) {
      try {
        return await readFile(fileOf(origin), 'utf8')
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      }
    },
    async write(origin, note) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const file = fileOf(origin)
      await writeThrough(`${file}.new`, note)
      await rename(`${file}.new`, file)
      const directory = await open(folder)
      await directory.sync()
      await directory.close()
    },
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

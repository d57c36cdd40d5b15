import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A migration as it lies in a folder. */
export interface MigrationFile {
  /** File name without `.sql`: `0001_tenants`. */
  readonly name: string
  readonly text: string
  /** Lower-case hex of SHA-256 over the file. */
  readonly checksum: string
}

const FILE_NAME = /^\d{4}_[a-z0-9_]+\.sql$/
const prelude = { name: '0000_prelude', path: fileURLToPath(new URL('../sql/prelude.sql', import.meta.url)) }

/** The prelude and the migrations of a folder, in order. Throws when a file is not called NNNN_name.sql or a number is there twice. */
export async function readMigrations(directory: string): Promise<MigrationFile[]> {
  const entries = await readdir(directory)
  const files = entries.filter((entry) => entry.endsWith('.sql')).sort()
  assertNumbered(files)
  const migrations = files.map((file) => readMigration(file.slice(0, -'.sql'.length), join(directory, file)))
  return Promise.all([readMigration(prelude.name, prelude.path), ...migrations])
}

async function readMigration(name: string, path: string): Promise<MigrationFile> {
  const text = await readFile(path, 'utf8')
  return { name, text, checksum: createHash('sha256').update(text).digest('hex') }
}

function assertNumbered(files: readonly string[]): void {
  const numbers = new Set<string>(['0000'])
  for (const file of files) {
    const number = file.slice(0, 4)
    if (!FILE_NAME.test(file)) throw new Error(`A migration is called NNNN_name.sql, not ${file}`)
    if (numbers.has(number)) throw new Error(`The number of migration ${file} is taken`)
    numbers.add(number)
  }
}

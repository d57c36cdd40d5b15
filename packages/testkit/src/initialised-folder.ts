import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { initialisePostgres } from '@memoric/local/initialise-postgres.ts'
import { openPostgresFolder } from '@memoric/local/postgres-folder.ts'
import { randomPassword } from './server-settings.ts'

const run = promisify(execFile)

const cacheRoot = fileURLToPath(new URL('../../../node_modules/.cache/memoric-testkit', import.meta.url))

/** A data folder that PostgreSQL can start on at once. The caller removes it. */
export interface InitialisedFolder {
  dataDir: string
  password: string
}

/** A copy (0.1 s) of a data folder that was initialised once for this checkout. */
export async function initialisedFolder(): Promise<InitialisedFolder> {
  const cached = await cachedFolder()
  const parent = await mkdtemp(join(tmpdir(), 'memoric-test-postgres-'))
  const dataDir = join(parent, 'postgres')
  await run('cp', ['-a', join(cached, 'postgres'), dataDir])
  return { dataDir, password: await readFile(join(cached, 'password'), 'utf8') }
}

/** Removes what `initialisedFolder` made. */
export async function removeFolder(dataDir: string): Promise<void> {
  await rm(join(dataDir, '..'), { recursive: true, force: true })
}

async function cachedFolder(): Promise<string> {
  const name = `postgres-18-by-${process.getuid?.() ?? 'anyone'}`
  const target = join(cacheRoot, name)
  if (await exists(target)) return target
  await mkdir(cacheRoot, { recursive: true })
  const fresh = await mkdtemp(`${target}.`)
  await fill(fresh)
  await rename(fresh, target).catch(() => rm(fresh, { recursive: true, force: true }))
  return target
}

async function fill(folder: string): Promise<void> {
  const password = randomPassword()
  await writeFile(join(folder, 'password'), password, { mode: 0o600 })
  await initialisePostgres(await openPostgresFolder(join(folder, 'postgres')), password, () => undefined)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

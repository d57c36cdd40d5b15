import { access, chown, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clusterPath, type PostgresFolder, runInFolder } from './postgres-folder.ts'

/**
 * Makes the cluster of a folder if it has none: superuser `postgres` with this password, scram-sha-256 for everyone, UTF-8, the
 * built-in C.UTF-8 locale. An interrupted attempt leaves nothing that would pass for a cluster.
 */
export async function initialisePostgres(
  folder: PostgresFolder,
  password: string,
  log: (line: string) => void,
): Promise<void> {
  if (await exists(clusterPath(folder))) return assertVersion(folder)
  const unfinished = join(folder.path, 'unfinished')
  const passwordFile = join(folder.path, 'password')
  await rm(unfinished, { recursive: true, force: true })
  await rm(passwordFile, { force: true })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' })
  if (folder.user !== undefined) await chown(passwordFile, folder.user.uid, folder.user.gid)
  try {
    await runInitdb(folder, log)
  } finally {
    await rm(passwordFile, { force: true })
  }
  await rename(unfinished, clusterPath(folder))
}

async function runInitdb(folder: PostgresFolder, log: (line: string) => void): Promise<void> {
  const said: string[] = []
  const args = (seen: string) => [
    `--pgdata=${seen}/unfinished`,
    `--pwfile=${seen}/password`,
    '--username=postgres',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-sync',
  ]
  const remember = (line: string) => {
    said.push(line)
    log(line)
  }
  const initdb = await runInFolder(folder, 'initdb', args, remember)
  if ((await initdb.exited) !== 0) throw new Error(`PostgreSQL could not make its data folder:\n${said.join('\n')}`)
}

async function assertVersion(folder: PostgresFolder): Promise<void> {
  const found = (await readFile(join(clusterPath(folder), 'PG_VERSION'), 'utf8')).trim()
  if (found === postgresMajor) return
  throw new Error(
    `${folder.path} was made by PostgreSQL ${found}, this is ${postgresMajor}: dump it there, load it here.`,
  )
}

/** The major version of the embedded PostgreSQL. */
export const postgresMajor = '18'

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

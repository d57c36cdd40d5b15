import { constants } from 'node:fs'
import { chmod, chown, lchown, lstat, mkdir, open, readdir } from 'node:fs/promises'
import { platform } from 'node:os'
import { join } from 'node:path'
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts'
import { postgresUser, type SystemUser } from './postgres-user.ts'
import { startProcess, type ServerProcess } from './server-process.ts'

/** A folder prepared for PostgreSQL: who runs it, with which programs. The cluster itself is its subfolder `cluster`. */
export interface PostgresFolder {
  path: string
  user: SystemUser | undefined
  binaries: PostgresBinaries
}

/** Makes the folder (0700), owned by the account that will run PostgreSQL in it. */
export async function openPostgresFolder(path: string): Promise<PostgresFolder> {
  const user = await postgresUser()
  const binaries = await findPostgresBinaries(user)
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (user !== undefined && (await lstat(path)).uid !== user.uid) await giveTo(path, user)
  await chmod(path, 0o700)
  return { path, user, binaries }
}

/** The path of the cluster as this process sees it. */
export function clusterPath(folder: PostgresFolder): string {
  return join(folder.path, 'cluster')
}

/**
 * Runs one of PostgreSQL's programs on the folder. `args` is told the path under which the program sees it: an unprivileged
 * account may be unable to walk there (a home below /root, a folder with mode 0700), so on Linux it inherits the opened folder.
 */
export async function runInFolder(
  folder: PostgresFolder,
  program: keyof PostgresBinaries,
  args: (seen: string) => string[],
  log: (line: string) => void,
): Promise<ServerProcess> {
  const command = { program: folder.binaries[program], env: { LC_ALL: 'C', TZ: 'UTC' }, log }
  if (folder.user === undefined || platform() !== 'linux') {
    return startProcess({ ...command, ...folder.user, args: args(folder.path) })
  }
  const handle = await open(folder.path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return await startProcess({ ...command, ...folder.user, args: args('/proc/self/fd/3'), files: [handle.fd] })
  } finally {
    await handle.close()
  }
}

async function giveTo(path: string, user: SystemUser): Promise<void> {
  for (const entry of await readdir(path, { recursive: true })) await lchown(join(path, entry), user.uid, user.gid)
  await chown(path, user.uid, user.gid)
}

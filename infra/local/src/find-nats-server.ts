import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { downloadNatsServer } from './download-nats-server.ts'

const run = promisify(execFile)

/** Folders where packages put it that are not on everybody's PATH. */
const usualFolders = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin']

/**
 * Path of a nats-server that can be run: on the PATH, in `cacheDir` from an earlier download, the official release (checked
 * against a pinned SHA-256), or from Debian's packages when this process is root. Throws an error that says what to do.
 */
export async function findNatsServer(cacheDir: string, say: (line: string) => void = () => undefined): Promise<string> {
  const found = (await installed()) ?? (await downloaded(cacheDir, say)) ?? (await fromDebian(say))
  if (found !== undefined) return found
  throw new Error(
    'nats-server is missing and could not be fetched. Install it (Debian, Ubuntu: apt-get install nats-server; macOS: brew ' +
      'install nats-server; otherwise https://github.com/nats-io/nats-server/releases) so that it is on the PATH, and try again.',
  )
}

async function installed(): Promise<string | undefined> {
  const onPath = await run('/bin/sh', ['-c', 'command -v nats-server']).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
  const candidates = [onPath, ...usualFolders.map((folder) => join(folder, 'nats-server'))].filter(
    (path) => path !== '',
  )
  for (const path of candidates) if (await isProgram(path)) return path
  return undefined
}

async function downloaded(cacheDir: string, say: (line: string) => void): Promise<string | undefined> {
  try {
    return await downloadNatsServer(cacheDir, say)
  } catch (error) {
    say(`nats-server: ${error instanceof Error ? error.message : 'the download failed'}`)
    return undefined
  }
}

async function fromDebian(say: (line: string) => void): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !(await isProgram('/usr/bin/apt-get'))) return undefined
  say('nats-server: installing the Debian package')
  const apt = (...args: string[]) => run('/usr/bin/apt-get', ['-qq', '-y', ...args])
  await apt('install', '--no-install-recommends', 'nats-server')
    .catch(() => apt('update').then(() => apt('install', '--no-install-recommends', 'nats-server')))
    .catch(() => undefined)
  return installed()
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Numeric ids of an account of this machine. */
export interface SystemUser {
  uid: number
  gid: number
}

/**
 * The unprivileged account that runs PostgreSQL, which refuses to run as root: undefined (this account) unless this process is
 * root; then `postgres`, made on demand, or `nobody` on machines that cannot make accounts.
 */
export async function postgresUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  return (await lookUp('postgres')) ?? (await createAccount()) ?? (await nobody())
}

async function lookUp(name: string): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

async function createAccount(): Promise<SystemUser | undefined> {
  try {
    await run('useradd', ['--system', '--user-group', '--shell', '/usr/sbin/nologin', 'postgres'])
  } catch {
    return undefined
  }
  return lookUp('postgres')
}

async function nobody(): Promise<SystemUser> {
  const user = await lookUp('nobody')
  if (user === undefined) throw new Error('PostgreSQL cannot run as root, and no unprivileged account could be made.')
  return user
}

import { execFile } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A commit of the project. Times are RFC 3339. */
export interface Commit {
  id: string
  authorDate: string
  commitDate: string
  message: string
}

/** The commits reachable from HEAD, newest first; none when the folder is not a work tree of its own or git is missing. */
export async function readCommits(root: string): Promise<Commit[]> {
  const output = await gitIn(root, ['log', '-z', '--format=%H%n%aI%n%cI%n%B'])
  return output === undefined ? [] : parseCommits(output)
}

/** Reads what `git log -z --format=%H%n%aI%n%cI%n%B` prints; commits without a message are left out. */
export function parseCommits(output: string): Commit[] {
  return output.split('\0').flatMap((record) => {
    const [id = '', authorDate = '', commitDate = '', ...rest] = record.split('\n')
    const message = rest.join('\n').trim()
    return /^[0-9a-f]{40,64}$/.test(id) && message !== '' ? { id, authorDate, commitDate, message } : []
  })
}

/** Files of the project that end so, new ones included, ignored ones not; undefined where git cannot tell. */
export async function listFiles(root: string, ending: string): Promise<string[] | undefined> {
  const names = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', `*${ending}`]
  const output = await gitIn(root, names)
  return output === undefined ? undefined : [...new Set(output.split('\0'))].filter((name) => name !== '').sort()
}

/** A copy of the project inside another repository must not tell the history of that one. */
async function gitIn(root: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout: top } = await run('git', ['rev-parse', '--show-toplevel'], { cwd: root })
    if ((await realpath(top.trim())) !== (await realpath(root))) return undefined
    return (await run('git', [...args], { cwd: root, maxBuffer: 2 ** 29 })).stdout
  } catch {
    return undefined
  }
}

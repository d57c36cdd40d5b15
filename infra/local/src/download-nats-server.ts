import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

interface Release {
  version: string
  /** Go's name of the platform. */
  name: string
  sha256: string
}

/** The newest releases whose archives' SHA-256 could be confirmed, by `<platform>-<arch>` of Node. */
const releases: Readonly<Record<string, Release>> = {
  'linux-x64': {
    version: '2.10.29',
    name: 'linux-amd64',
    sha256: 'e314da74a83a1d3876db8814c27eb990fe729640fd6452025b441bcede8390da',
  },
  'linux-arm64': {
    version: '2.10.29',
    name: 'linux-arm64',
    sha256: 'da4b27942ecfb4c5f0c54553d2e7f470ddda9d7581cfe8131b351a0e223ed401',
  },
  'darwin-x64': {
    version: '2.10.10',
    name: 'darwin-amd64',
    sha256: '5b6bfed8f75ecb2f6465b87334f4e757a66c32b6c5f802e964a080a3716ffffb',
  },
  'darwin-arm64': {
    version: '2.10.10',
    name: 'darwin-arm64',
    sha256: '8af6cbd8f3f21bcec164d17bc879d3e7807cd98e1c7839ac668986a71c4e52c6',
  },
}

/** Path of the official nats-server in `cacheDir`, downloaded and checked once. Throws when it cannot be had or is not what was pinned. */
export async function downloadNatsServer(cacheDir: string, say: (line: string) => void): Promise<string> {
  const release = releases[`${platform()}-${arch()}`]
  if (release === undefined) throw new Error('no official release is known for this machine')
  const folder = join(cacheDir, `nats-server-v${release.version}-${release.name}`)
  const program = join(folder, 'nats-server')
  if (await exists(program)) return program
  say(`nats-server: downloading version ${release.version}`)
  const archive = checked(await fetchRelease(release), release.sha256)
  await unpack(archive, cacheDir, folder)
  return program
}

async function fetchRelease({ version, name }: Release): Promise<Uint8Array> {
  const file = `nats-server-v${version}-${name}.tar.gz`
  const url = `https://github.com/nats-io/nats-server/releases/download/v${version}/${file}`
  const response = await fetch(url, { signal: AbortSignal.timeout(60_000) }).catch((cause: unknown) => {
    throw new Error('the release page cannot be reached', { cause })
  })
  if (!response.ok) throw new Error(`the release page answered ${response.status}`)
  return response.bytes()
}

/** The bytes, if they have this SHA-256 (hex). Throws otherwise. */
export function checked(bytes: Uint8Array, sha256: string): Uint8Array {
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return bytes
  throw new Error('the download is not the release that was expected; it is not used')
}

async function unpack(archive: Uint8Array, cacheDir: string, folder: string): Promise<void> {
  await mkdir(cacheDir, { recursive: true, mode: 0o700 })
  const fresh = await mkdtemp(join(cacheDir, 'unpack-'))
  try {
    await writeFile(join(fresh, 'archive.tar.gz'), archive)
    await run('tar', ['-xzf', 'archive.tar.gz', '--strip-components=1'], { cwd: fresh })
    await rm(join(fresh, 'archive.tar.gz'))
    await rename(fresh, folder)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

import { chmod, mkdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** Where everything of one local stack is kept. */
export interface Home {
  path: string
  /** One secret a file, 0600. */
  secrets: string
  postgres: string
  nats: string
  logs: string
  /** Mails, one a file. */
  mail: string
  /** What runs: one record a process. */
  processes: string
  /** Downloaded programs. */
  programs: string
  credentials: string
  /** The API key as a header, for `curl -H @file`. */
  apiKeyHeader: string
  ports: string
  lock: string
}

/** The paths of a home. */
export function homeAt(folder: string): Home {
  const path = resolve(folder)
  const at = (name: string) => join(path, name)
  return {
    path,
    secrets: at('secrets'),
    postgres: at('postgres'),
    nats: at('nats'),
    logs: at('logs'),
    mail: at('mail'),
    processes: at('processes'),
    programs: at('programs'),
    credentials: at('credentials.json'),
    apiKeyHeader: at('api-key.header'),
    ports: at('ports.json'),
    lock: at('supervisor.json'),
  }
}

/** Makes the folders of a home, closed to everybody else (0700). Throws when the home belongs to another account. */
export async function makeHome(home: Home): Promise<void> {
  await mkdir(home.path, { recursive: true, mode: 0o700 })
  const { uid } = await stat(home.path)
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new Error(
      `${home.path} belongs to another account: start as that account, or set MEMORIC_HOME to another folder.`,
    )
  }
  await chmod(home.path, 0o700)
  for (const folder of [home.secrets, home.nats, home.logs, home.mail, home.processes]) {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await chmod(folder, 0o700)
  }
}

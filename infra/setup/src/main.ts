import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseServiceKeysRequest, runServiceKeys } from './service-keys/service-keys-command.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

/** The folder of secrets of the local stack. Throws when it never ran. */
async function secretsFolder(): Promise<string> {
  const folder = join(process.env.MEMORIC_HOME ?? `${repository}.memoric`, 'secrets')
  await access(folder).catch((cause: unknown) => {
    throw new Error(`There is no folder ${folder}. Start Memoric once, or name the folder with --secrets.`, { cause })
  })
  return folder
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  const request = parseServiceKeysRequest(process.argv.slice(2))
  // The processes of the local stack read these very files.
  const keys = { folder: request.secrets ?? (await secretsFolder()), handOut: () => Promise.resolve() }
  await runServiceKeys(keys, request, say)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

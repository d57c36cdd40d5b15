import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { parseArgs } from 'node:util'
import { createNoteSigner, type NoteSigner, parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import { createWitness } from './witness.ts'
import { createWitnessServer } from './witness-server.ts'
import { createWitnessStore } from './witness-store.ts'

const USAGE = [
  'memoric-witness --name <name> --seed <file> --log <file> --state <folder> [--port 3460] [--host 127.0.0.1]',
  '',
  '  --name   name of the witness in its signatures, e.g. witness.example.com',
  '  --seed   file of its secret, 32 bytes in base64; made when it is not there',
  '  --log    verifier keys of the logs that it cosigns, one a line',
  '  --state  folder for what it cosigned last; it must outlive the process',
]

const options = {
  help: { type: 'boolean', short: 'h' },
  name: { type: 'string' },
  seed: { type: 'string' },
  log: { type: 'string', multiple: true },
  state: { type: 'string' },
  port: { type: 'string', default: '3460' },
  host: { type: 'string', default: '127.0.0.1' },
} as const

export interface Surroundings {
  readonly out: (line: string) => void
  readonly err: (line: string) => void
}

/** Starts a witness; undefined when the command line is not right, after saying why. */
export async function startWitness(args: readonly string[], { out, err }: Surroundings): Promise<Server | undefined> {
  const { values } = parseArgs({ args: [...args], options })
  const { name, seed, log, state, port, host } = values
  if (values.help === true || name === undefined || seed === undefined || log === undefined || state === undefined) {
    USAGE.forEach((line) => err(line))
    return undefined
  }
  const signer = createNoteSigner(name, await readSeed(seed), { cosigns: true })
  const witness = createWitness({ signer, logs: await readLogs(log), store: createWitnessStore(state) })
  const server = createWitnessServer(witness).listen(Number(port), host)
  await once(server, 'listening')
  tell(server, signer, out)
  return server
}

function tell(server: Server, { verifierKey }: NoteSigner, out: (line: string) => void): void {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : ''
  out(verifierKey)
  out(`listens on port ${port}`)
}

async function readLogs(files: readonly string[]) {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return texts
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.trim() !== '')
    .map(parseVerifierKey)
}

async function readSeed(file: string): Promise<Buffer> {
  // `wx`: a secret that is there is never written over.
  await writeFile(file, `${randomBytes(32).toString('base64')}\n`, { flag: 'wx', mode: 0o600 }).catch(
    (error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    },
  )
  return Buffer.from(await readFile(file, 'utf8'), 'base64')
}

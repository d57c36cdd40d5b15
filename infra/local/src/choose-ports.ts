import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { freePort, isPortFree } from './free-port.ts'
import { writePrivateFile } from '@memoric/setup/write-private-file.ts'

const internal = ['auth', 'memory', 'audit', 'postgres', 'nats'] as const

/** TCP ports of 127.0.0.1. */
export type Ports = Record<(typeof internal)[number] | 'gateway', number>

/**
 * The ports of a stack: the gateway's as asked, the others as in `file` from the last time if they are still free, else any.
 * Throws when the gateway's is taken.
 */
export async function choosePorts(file: string, gateway: number): Promise<Ports> {
  if (!(await isPortFree(gateway))) {
    throw new Error(`Port ${gateway} is in use by another program. Choose another one: PORT=${gateway + 100} npm start`)
  }
  const last = parsePorts(await readFile(file, 'utf8').catch(() => '{}'))
  const ports: Ports = { gateway, auth: 0, memory: 0, audit: 0, postgres: 0, nats: 0 }
  for (const name of internal) ports[name] = await another(last[name], Object.values(ports))
  await writePrivateFile(file, `${JSON.stringify(ports, null, 2)}\n`)
  return ports
}

/** The ports with which a stack was started last. Throws when it never was. */
export async function readPorts(file: string): Promise<Ports> {
  const { gateway = 0, ...ports } = parsePorts(await readFile(file, 'utf8').catch(() => '{}'))
  const { auth, memory, audit, postgres, nats } = ports
  if (
    auth === undefined ||
    memory === undefined ||
    audit === undefined ||
    postgres === undefined ||
    nats === undefined
  ) {
    throw new Error(
      `No stack has been started in ${dirname(file)} yet: start it first (npm start), or set MEMORIC_HOME.`,
    )
  }
  return { gateway, auth, memory, audit, postgres, nats }
}

async function another(preferred: number | undefined, taken: number[]): Promise<number> {
  const port = await freePort(preferred)
  return taken.includes(port) ? another(undefined, taken) : port
}

function parsePorts(text: string): Partial<Ports> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return {}
    return Object.fromEntries(Object.entries(value).filter(([, port]) => isPort(port)))
  } catch {
    return {}
  }
}

/** Whether a value is a TCP port that can be asked for by number. */
export function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536
}

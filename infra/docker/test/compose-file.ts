import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** The parts of a service that the tests look at, after merging. */
export interface Service {
  image?: string
  user?: string
  read_only?: boolean
  cap_drop?: string[]
  cap_add?: string[]
  privileged?: boolean
  security_opt?: string[]
  restart?: string
  mem_limit?: string
  pids_limit?: number
  network_mode?: string
  networks?: string[] | Record<string, unknown>
  ports?: string[]
  volumes?: string[]
  environment?: Record<string, string>
  healthcheck?: { test?: string[]; disable?: boolean }
  depends_on?: Record<string, { condition: string }>
}

interface ComposeFile {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean }>
  volumes: Record<string, null>
}

export const composeText = readFileSync(new URL('../../../docker-compose.yml', import.meta.url), 'utf8')

// The tests are what checks its shape.
export const compose = parse(composeText, { merge: true }) as ComposeFile

/** A service by name. Throws when there is none. */
export function service(name: string): Service {
  const found = compose.services[name]
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`)
  return found
}

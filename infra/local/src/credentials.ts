import { readFile } from 'node:fs/promises'
import type { Home } from './home.ts'
import { writePrivateFile } from './write-private-file.ts'

/** The first tenant: what the public API gave. */
export interface FirstTenant {
  tenant_id: string
  email: string
  password: string
  api_key: string
}

/** What credentials.json holds. */
export interface Credentials extends FirstTenant {
  url: string
  /** Of the administrator, database `postgres`. */
  postgres_url: string
  /** With the administrator's login. */
  nats_url: string
}

/** The first tenant of an earlier start, if there was one. */
export async function readFirstTenant(home: Home): Promise<FirstTenant | undefined> {
  const text = await readFile(home.credentials, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : parse(text, home)
}

/** Writes credentials.json, and the API key as a header for `curl -H @file`; both 0600. */
export async function writeCredentials(home: Home, credentials: Credentials): Promise<void> {
  await writePrivateFile(home.apiKeyHeader, `x-api-key: ${credentials.api_key}\n`)
  await writePrivateFile(home.credentials, `${JSON.stringify(credentials, null, 2)}\n`)
}

function parse(text: string, home: Home): FirstTenant {
  const damaged = () => new Error(`${home.credentials} is damaged: remove it, and a new API key is made.`)
  const value = readJson(text, damaged)
  if (typeof value !== 'object' || value === null) throw damaged()
  const fields = new Map(Object.entries(value))
  const field = (name: keyof FirstTenant): string => {
    const found: unknown = fields.get(name)
    if (typeof found !== 'string') throw damaged()
    return found
  }
  return {
    tenant_id: field('tenant_id'),
    email: field('email'),
    password: field('password'),
    api_key: field('api_key'),
  }
}

function readJson(text: string, damaged: () => Error): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw damaged()
  }
}

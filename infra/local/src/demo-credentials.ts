import { readFile } from 'node:fs/promises'
import type { Credentials } from './credentials.ts'

const fields = ['url', 'tenant_id', 'email', 'password', 'api_key', 'postgres_url', 'nats_url'] as const

/** What a started stack has written for its clients. Throws, with what to do, when there is nothing or it is damaged. */
export async function readCredentials(file: string): Promise<Credentials> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) throw new Error(`There is no ${file}: start the stack first (npm start).`)
  const found = new Map(Object.entries(readObject(text, file)))
  const entries = fields.map((name): [string, string] => {
    const value: unknown = found.get(name)
    if (typeof value !== 'string') throw damaged(file)
    return [name, value]
  })
  return Object.fromEntries(entries) as unknown as Credentials // The entries are exactly the names.
}

function readObject(text: string, file: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below.
  }
  throw damaged(file)
}

function damaged(file: string): Error {
  return new Error(`${file} is damaged: remove it and start the stack again (npm start).`)
}

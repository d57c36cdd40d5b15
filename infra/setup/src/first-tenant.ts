import { readFile } from 'node:fs/promises'

/** The first tenant: what the public API gave. */
export interface FirstTenant {
  tenant_id: string
  email: string
  password: string
  api_key: string
}

/** The first tenant of an earlier start, as the file of credentials names it, if there was one. Throws when the file is damaged. */
export async function readFirstTenant(file: string): Promise<FirstTenant | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : parse(text, file)
}

/** The API key as a header, for `curl -H @file`. */
export function apiKeyHeader({ api_key }: FirstTenant): string {
  return `x-api-key: ${api_key}\n`
}

function parse(text: string, file: string): FirstTenant {
  const damaged = () => new Error(`${file} is damaged: remove it, and a new API key is made.`)
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

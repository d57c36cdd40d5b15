import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFirstTenant, type FirstTenantState } from '@memoric/setup/create-first-tenant.ts'
import { apiKeyHeader, readFirstTenant } from '@memoric/setup/first-tenant.ts'
import { writePrivateFile } from '@memoric/setup/write-private-file.ts'

export interface FirstTenantOptions {
  /** Has the file owner.password; gets credentials.json and api-key.header. */
  folder: string
  /** The gateway, as this program reaches it. */
  gatewayUrl: string
  /** The gateway, as people reach it. */
  publicUrl: string
}

/** Makes the first tenant once, and writes how to sign in to it. Throws when the gateway refuses. */
export async function publishFirstTenant({
  folder,
  gatewayUrl,
  publicUrl,
}: FirstTenantOptions): Promise<FirstTenantState> {
  const file = join(folder, 'credentials.json')
  const known = await readFirstTenant(file)
  const { tenant, state } = await ensureFirstTenant(gatewayUrl, await ownerPassword(folder), known)
  await writePrivateFile(join(folder, 'api-key.header'), apiKeyHeader(tenant))
  await writePrivateFile(file, `${JSON.stringify({ url: publicUrl, ...tenant }, null, 2)}\n`)
  return state
}

async function ownerPassword(folder: string): Promise<string> {
  return (await readFile(join(folder, 'owner.password'), 'utf8')).trim()
}

import { apiKeyHeader, type FirstTenant } from '@memoric/setup/first-tenant.ts'
import { writePrivateFile } from '@memoric/setup/write-private-file.ts'
import type { Home } from './home.ts'

/** What credentials.json holds. */
export interface Credentials extends FirstTenant {
  url: string
  /** Of the administrator, database `postgres`. */
  postgres_url: string
  /** With the administrator's login. */
  nats_url: string
}

/** Writes credentials.json, and the API key as a header for `curl -H @file`; both 0600. */
export async function writeCredentials(home: Home, credentials: Credentials): Promise<void> {
  await writePrivateFile(home.apiKeyHeader, apiKeyHeader(credentials))
  await writePrivateFile(home.credentials, `${JSON.stringify(credentials, null, 2)}\n`)
}

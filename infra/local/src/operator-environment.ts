import { roleNames } from '@memoric/postgres/role-names.ts'
import type { DatabaseApp } from '@memoric/setup/secrets.ts'
import { loadSecrets } from '@memoric/setup/secrets.ts'
import { appEnvironment } from './app-environment.ts'
import { readPorts } from './choose-ports.ts'
import type { Home } from './home.ts'

/**
 * The environment in which the operator command works on the stack of a home: that of auth. `user` is the environment of the person
 * who asks. Throws, with what to do, when the stack was never started or its secrets are lost.
 */
export async function operatorEnvironment(
  home: Home,
  user: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const ports = await readPorts(home.ports)
  const secrets = await loadSecrets(home.secrets, true)
  const databaseUrl = (app: DatabaseApp) =>
    `postgres://${roleNames(app).app}:${secrets.appPasswords[app]}@127.0.0.1:${ports.postgres}/memoric_${app}`
  const databaseUrls = { auth: databaseUrl('auth'), memory: databaseUrl('memory'), audit: databaseUrl('audit') }
  return appEnvironment('auth', { home, ports, secrets, databaseUrls, user })
}

import { roleNames } from '@memoric/postgres/role-names.ts'
import type { DatabaseApp } from '@memoric/setup/secrets.ts'
import { loadSecrets } from '@memoric/setup/secrets.ts'
import { appEnvironment } from './app-environment.ts'
import { readPorts } from './choose-ports.ts'
import type { Home } from './home.ts'

/**
 * The environment in which the operator command works on the stack of a home: that of `app`. `user` is the environment of the person
 * who asks. Throws, with what to do, when the stack was never started or its secrets are lost.
 */
export async function operatorEnvironment(
  app: DatabaseApp,
  home: Home,
  user: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const ports = await readPorts(home.ports)
  const secrets = await loadSecrets(home.secrets, true)
  const databaseUrl = (name: DatabaseApp) =>
    `postgres://${roleNames(name).app}:${secrets.appPasswords[name]}@127.0.0.1:${ports.postgres}/memoric_${name}`
  const databaseUrls = { auth: databaseUrl('auth'), memory: databaseUrl('memory'), audit: databaseUrl('audit') }
  return appEnvironment(app, { home, ports, secrets, databaseUrls, user })
}

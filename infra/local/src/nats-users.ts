import { join } from 'node:path'
import { makeNatsUser, natsConfigWith, readNatsUsers, writeNatsUsers } from '@memoric/setup/nats-users/nats-users.ts'
import { writePrivateFile } from '@memoric/setup/write-private-file.ts'
import type { Home } from './home.ts'
import { readRunning } from './process-record.ts'

export const NATS_USER_USAGE = [
  '  nats-user add <tenant id>',
  '      a user of NATS that hears the events of this tenant and can do nothing else; its seed is shown once',
  '  nats-user list',
  '      these users, by their public keys',
  '  nats-user remove <public key>',
  '      the user is cut off at once',
]

export interface NatsUserDeps {
  readonly home: Home
  readonly say: (line: string) => void
  /** Writes into the audit log what is about to be done. Rejects when that cannot be, and nothing is done then. */
  readonly note: (what: 'created' | 'removed', tenantId: string, publicKey: string) => Promise<void>
}

/** Writes the configuration with which NATS is started, with the users of tenants; gives its path. */
export async function writeNatsConfig(home: Home): Promise<string> {
  const file = join(home.path, 'nats-server.conf')
  await writePrivateFile(file, await natsConfigWith(await readNatsUsers(home.secrets)))
  return file
}

/** Does what `nats-user` asks for. Throws, with what to do, when it cannot. */
export async function runNatsUser(args: readonly string[], { home, say, note }: NatsUserDeps): Promise<void> {
  const [verb, subject, ...surplus] = args
  const users = await readNatsUsers(home.secrets)
  if (verb === 'list' && subject === undefined) {
    for (const user of users) say(`${user.public_key}  tenant ${user.tenant_id}  since ${user.created_at}`)
    if (users.length === 0) say('There are none.')
  } else if (verb === 'add' && subject !== undefined && surplus.length === 0) {
    const { entry, seed } = makeNatsUser(subject)
    await note('created', entry.tenant_id, entry.public_key)
    await put(home, [...users, entry], say)
    say(`Public key: ${entry.public_key}`)
    say(`Seed:       ${seed}`)
    say(`It hears memoric.v1.${subject}.> and nothing else. Keep the seed: it is not stored here.`)
  } else if (verb === 'remove' && subject !== undefined && surplus.length === 0) {
    const user = users.find((one) => one.public_key === subject)
    if (user === undefined) throw new Error('There is no such user; "nats-user list" lists them.')
    await note('removed', user.tenant_id, user.public_key)
    await put(
      home,
      users.filter((one) => one !== user),
      say,
    )
    say('Removed.')
  } else throw new Error(['Say what to do:', ...NATS_USER_USAGE].join('\n'))
}

/** NATS reads its configuration again, and cuts off who is not in it any more. */
async function put(
  home: Home,
  users: Parameters<typeof writeNatsUsers>[1],
  say: (line: string) => void,
): Promise<void> {
  await writeNatsUsers(home.secrets, users)
  await writeNatsConfig(home)
  const running = await readRunning(join(home.processes, 'nats.json'))
  if (running === undefined) say('NATS does not run here; it will know when it starts.')
  else process.kill(running.pid, 'SIGHUP')
}

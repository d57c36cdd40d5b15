import { fileURLToPath } from 'node:url'

/** Path of the configuration of NATS that every deployment uses. */
export const natsConfigFile = fileURLToPath(new URL('../../nats/nats-server.conf', import.meta.url))

/** The users of NATS: one for each process, and `admin`. */
export const natsUsers = ['audit', 'auth', 'memory', 'gateway', 'admin'] as const

export type NatsUser = (typeof natsUsers)[number]

/** The variables under which the configuration looks for passwords. */
export function natsPasswordVariables(passwords: Readonly<Record<NatsUser, string>>): Record<string, string> {
  return Object.fromEntries(natsUsers.map((user) => [`NATS_${user.toUpperCase()}_PASSWORD`, passwords[user]]))
}

export { natsConfigFile, natsPasswordVariables, natsUsers, type NatsUser } from '@memoric/setup/nats-config.ts'
export { natsConfigWith } from '@memoric/setup/nats-users/nats-users.ts'

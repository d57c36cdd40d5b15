export { natsConfigFile, natsPasswordVariables, natsUsers, type NatsUser } from '@memoric/setup/nats-config.ts'

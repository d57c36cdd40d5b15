// Hears the events of a tenant over NATS: NATS_URL, NATS_SEED, TENANT_ID. npm install @nats-io/transport-node
import { connect, nkeyAuthenticator } from '@nats-io/transport-node'

const { NATS_URL = 'nats://127.0.0.1:4222', NATS_SEED = '', TENANT_ID = '' } = process.env
const authenticator = nkeyAuthenticator(new TextEncoder().encode(NATS_SEED))
const connection = await connect({ servers: NATS_URL, authenticator })

for await (const message of connection.subscribe(`memoric.v1.${TENANT_ID}.>`)) {
  const { type, time, data } = message.json()
  console.log(time, type, data.resource_id)
}

import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { startOwnNats } from '../src/start-own-nats.ts'
import { useNats } from '../src/use-nats.ts'

const nats = useNats()

test('a file starts with JetStream and no streams', async () => {
  const connection = await connect(nats.login('audit'))
  const manager = await jetstreamManager(connection)
  expect(await manager.streams.list().next()).toEqual([])
  await connection.close()
})

test('what JetStream acknowledged survives the kill of the server', async () => {
  const own = await startOwnNats()
  const connection = await connect({ ...own.login('audit'), reconnectTimeWait: 20, maxReconnectAttempts: -1 })
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: 'MEMORIC_EVENTS', subjects: ['memoric.v1.>'] })
  await jetstream(connection).publish('memoric.v1.tenant.memory.created', 'kept')
  await own.kill()
  await own.start()
  await expect.poll(() => connection.rtt().catch(() => undefined)).toBeDefined()
  expect((await manager.streams.info('MEMORIC_EVENTS')).state.messages).toBe(1)
  await connection.close()
  await own.remove()
})

test('a suspended server answers nothing, a resumed one does', async () => {
  const own = await startOwnNats()
  const connection = await connect(own.login('auth'))
  own.suspend()
  let answer: Promise<string> = Promise.resolve('')
  const ask = () => {
    answer = connection.rtt().then(() => 'answered')
    return Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, 'silent'))])
  }
  // The signal takes a moment.
  await expect.poll(ask).toBe('silent')
  own.resume()
  expect(await answer).toBe('answered')
  await connection.close()
  await own.remove()
})

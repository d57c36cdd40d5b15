import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { startOwnNats } from '@memoric/testkit/start-own-nats.ts'
import { useNats } from '@memoric/testkit/use-nats.ts'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { connectMessaging } from '../src/connect.ts'
import { createEventPublisher } from '../src/publish.ts'
import { ensureStreams } from '../src/streams.ts'
import { silentLog, useMessaging, waitUntil } from './messaging-fixture.ts'

const nats = useNats()
const { connect } = useMessaging()

beforeAll(async () => {
  const audit = connectMessaging({
    servers: nats.url,
    user: 'audit',
    pass: nats.password('audit'),
    name: 'a',
    log: silentLog(),
  })
  await ensureStreams(await audit.connected())
  await audit.close()
})

const event = (payload = '{}') => ({ id: randomUUID(), subject: 'memoric.v1.t1.memory.created', payload })

async function storedMessages(): Promise<number> {
  const admin = connect(nats, 'admin')
  const manager = await jetstreamManager(await admin.connected())
  return (await manager.streams.info('MEMORIC_EVENTS')).state.messages
}

describe('streams', () => {
  it('are made once, and take new settings', async () => {
    const connection = await connect(nats, 'audit').connected()
    await ensureStreams(connection)
    await ensureStreams(connection, { eventBytes: 1024 ** 3 })
    const manager = await jetstreamManager(connection)
    const { config } = await manager.streams.info('MEMORIC_EVENTS')
    expect(config).toMatchObject({ discard: 'new', deny_delete: true, max_bytes: 1024 ** 3, storage: 'file' })
    await expect(manager.streams.deleteMessage('MEMORIC_EVENTS', 1)).rejects.toThrow()
  })
})

describe('the publisher', () => {
  it('stores every event once, also when it is sent again', async () => {
    const messaging = connect(nats, 'auth')
    await messaging.connected()
    const publisher = createEventPublisher(messaging, { inFlight: 100 })
    const before = await storedMessages()
    const events = Array.from({ length: 1050 }, () => event())
    expect(await publisher.publish(events)).toEqual(events.map(() => true))
    expect(await publisher.publish(events.slice(0, 500))).toEqual(Array.from({ length: 500 }, () => true))
    expect(await storedMessages()).toBe(before + 1050)
    expect(messaging.isHealthy()).toBe(true)
  })

  it('tells of each event whether it was stored', async () => {
    const messaging = connect(nats, 'admin')
    await messaging.connected()
    const events = [
      event(),
      { ...event(), subject: 'memoric.v1.t1 .memory' },
      event('x'.repeat(600 * 1024)),
      event('x'.repeat(2 * 1024 * 1024)),
      { ...event(), subject: 'elsewhere.without.stream' },
      event(),
    ]
    expect(await createEventPublisher(messaging).publish(events)).toEqual([true, false, true, true, false, true])
    expect(messaging.connection()).toBeDefined()
  })

  it('says false while NATS is away, and works again when it is back', async () => {
    const own = await startOwnNats()
    const [audit, auth] = [connect(own, 'audit'), connect(own, 'auth')]
    await ensureStreams(await audit.connected())
    await auth.connected()
    const publisher = createEventPublisher(auth, { timeoutMs: 500 })
    const [first, second] = [event(), event()]
    expect(await publisher.publish([first])).toEqual([true])
    own.suspend()
    await sleep(50)
    expect(await publisher.publish([second])).toEqual([false])
    own.resume()
    await own.kill()
    await waitUntil(() => expect(auth.connection()).toBeUndefined())
    expect(await publisher.publish([second])).toEqual([false])
    await own.start()
    await waitUntil(async () => expect(await publisher.publish([first, second])).toEqual([true, true]))
    await waitUntil(() => expect(audit.isHealthy()).toBe(true))
    const manager = await jetstreamManager(await audit.connected())
    await waitUntil(async () => expect((await manager.streams.info('MEMORIC_EVENTS')).state.messages).toBe(2))
    await Promise.all([audit.close(), auth.close()])
    await own.remove()
  })

  it('says that the stream was lost when it counts anew, and not when something comes twice', async () => {
    const own = await startOwnNats()
    const audit = connect(own, 'audit')
    const connection = await audit.connected()
    await ensureStreams(connection)
    const onStreamLost = vi.fn()
    const publisher = createEventPublisher(audit, { onStreamLost })
    const first = event()
    await publisher.publish([first, event(), event()])
    await publisher.publish([first])
    expect(onStreamLost).not.toHaveBeenCalled()
    await (await jetstreamManager(connection)).streams.delete('MEMORIC_EVENTS')
    expect(await publisher.publish([first])).toEqual([false])
    await ensureStreams(connection)
    expect(await publisher.publish([event()])).toEqual([true])
    expect(onStreamLost).toHaveBeenCalledOnce()
    await audit.close()
    await own.remove()
  })

  it('sends the beginning of an event that is too large for the stream, and says how large it was', async () => {
    const messaging = connect(nats, 'admin')
    const connection = await messaging.connected()
    const large = event('x'.repeat(3 * 1024 * 1024))
    expect(await createEventPublisher(messaging).publish([large])).toEqual([true])
    const stored = await (
      await jetstreamManager(connection)
    ).streams.getMessage('MEMORIC_EVENTS', {
      last_by_subj: large.subject,
    })
    expect(stored?.data.length).toBe(65_536)
    expect(stored?.header.get('Memoric-Cut')).toMatch(/^3145728 bytes, SHA-256 [0-9a-f]{64}$/)
  })
})

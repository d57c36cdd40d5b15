import { startOwnNats } from '@memoric/testkit/start-own-nats.ts'
import { useNats } from '@memoric/testkit/use-nats.ts'
import { describe, expect, it, vi } from 'vitest'
import { onSignal, onSignalsMissed, publishSignal } from '../src/signals.ts'
import { useMessaging, waitUntil } from './messaging-fixture.ts'

const nats = useNats()
const { connect } = useMessaging()

describe('a connection', () => {
  it('is made when NATS comes up later, and made again when it restarts', async () => {
    const own = await startOwnNats()
    await own.kill()
    const messaging = connect(own, 'auth')
    expect(messaging.isHealthy()).toBe(false)
    expect(messaging.connection()).toBeUndefined()
    const connected = messaging.connected()
    await own.start()
    await connected
    expect(messaging.isHealthy()).toBe(true)
    await own.kill()
    await waitUntil(() => expect(messaging.isHealthy()).toBe(false))
    await own.start()
    await waitUntil(() => expect(messaging.isHealthy()).toBe(true))
    await messaging.close()
    await own.remove()
  })

  it('is closed also when NATS never came', async () => {
    const messaging = connect({ url: 'nats://127.0.0.1:1', password: () => 'x' }, 'auth')
    const connected = messaging.connected()
    await messaging.close()
    await expect(connected).rejects.toThrow('closed')
  })

  it('is unhealthy once the server refused something', async () => {
    const messaging = connect(nats, 'auth')
    const connection = await messaging.connected()
    connection.publish('memoric.dead.auth', 'not allowed')
    await waitUntil(() => expect(messaging.isHealthy()).toBe(false))
    expect(messaging.log.error).toHaveBeenCalled()
  })

  it('cannot listen to the answers for somebody else', async () => {
    const messaging = connect(nats, 'gateway')
    const connection = await messaging.connected()
    connection.subscribe('_INBOX_auth.>', { callback: () => undefined })
    await waitUntil(() => expect(messaging.isHealthy()).toBe(false))
  })
})

describe('signals', () => {
  it('that may have been missed are told of: at the first connection, after each outage, and to nobody after the end', async () => {
    const own = await startOwnNats()
    const gateway = connect(own, 'gateway')
    const missed = vi.fn()
    const stop = onSignalsMissed(gateway, missed)
    await waitUntil(() => expect(missed).toHaveBeenCalledTimes(1))
    await own.kill()
    await waitUntil(() => expect(gateway.isHealthy()).toBe(false))
    await own.start()
    await waitUntil(() => expect(missed).toHaveBeenCalledTimes(2))
    stop()
    await own.kill()
    await waitUntil(() => expect(gateway.isHealthy()).toBe(false))
    await own.start()
    await waitUntil(() => expect(gateway.isHealthy()).toBe(true))
    expect(missed).toHaveBeenCalledTimes(2)
    await gateway.close()
    await own.remove()
  })

  it('reach who listens, over a restart of NATS, and nobody after the end', async () => {
    const own = await startOwnNats()
    const [auth, gateway] = [connect(own, 'auth'), connect(own, 'gateway')]
    const heard = vi.fn()
    const stop = onSignal(gateway, 'memoric.internal.revoked', heard)
    await Promise.all([auth.connected(), gateway.connected()])
    const send = (value: unknown) =>
      waitUntil(async () => {
        await gateway.connection()?.flush()
        expect(publishSignal(auth, 'memoric.internal.revoked', value)).toBe(true)
        await auth.connection()?.flush()
        await waitBriefly(() => expect(heard).toHaveBeenLastCalledWith(value, 'memoric.internal.revoked'))
      })
    await send({ sid: 1 })
    await own.kill()
    await waitUntil(() => expect(publishSignal(auth, 'memoric.internal.revoked', {})).toBe(false))
    await own.start()
    await send({ sid: 2 })
    const calls = heard.mock.calls.length
    stop()
    await gateway.connection()?.flush()
    publishSignal(auth, 'memoric.internal.revoked', { sid: 3 })
    await auth.connection()?.flush()
    await gateway.connection()?.flush()
    expect(heard).toHaveBeenCalledTimes(calls)
    await Promise.all([auth.close(), gateway.close()])
    await own.remove()
  })

  it('survive a handler that throws and a value that is no JSON', async () => {
    const [auth, gateway] = [connect(nats, 'auth'), connect(nats, 'gateway')]
    const heard: unknown[] = []
    onSignal(gateway, 'memoric.internal.revoked', (value) => {
      heard.push(value)
      throw new Error('of the handler')
    })
    await (await gateway.connected()).flush()
    const connection = await auth.connected()
    connection.publish('memoric.internal.revoked', 'not { json')
    publishSignal(auth, 'memoric.internal.revoked', 1)
    publishSignal(auth, 'memoric.internal.revoked', 2)
    await waitUntil(() => expect(heard).toEqual([1, 2]))
    expect(gateway.log.error).toHaveBeenCalledTimes(3)
  })
})

const waitBriefly = (check: () => void) => vi.waitFor(check, { timeout: 300, interval: 10 })

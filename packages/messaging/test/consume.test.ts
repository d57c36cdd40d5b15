import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { type OwnNats, startOwnNats } from '@memoric/testkit/start-own-nats.ts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consumeBatches, type ConsumeOptions } from '../src/consume.ts'
import type { Messaging } from '../src/connect.ts'
import type { IncomingMessage, Verdict } from '../src/handle-batch.ts'
import { createEventPublisher } from '../src/publish.ts'
import { ensureStreams } from '../src/streams.ts'
import { useMessaging, waitUntil } from './messaging-fixture.ts'

let nats: OwnNats
let audit: Messaging

beforeEach(async () => {
  nats = await startOwnNats()
})
afterEach(() => nats.remove())

const { connect, closeLater } = useMessaging()

beforeEach(async () => {
  audit = connect(nats, 'audit')
  await ensureStreams(await audit.connected())
})

async function publish(payloads: readonly string[]): Promise<void> {
  const events = payloads.map((payload) => ({ id: randomUUID(), subject: 'memoric.v1.t1.memory.created', payload }))
  await waitUntil(async () => {
    const outcomes = await createEventPublisher(audit).publish(events)
    expect(outcomes.every(Boolean)).toBe(true)
  })
}

function consume(handle: ConsumeOptions['handle'], options: Partial<ConsumeOptions> = {}) {
  return closeLater(
    consumeBatches({
      messaging: audit,
      stream: 'MEMORIC_EVENTS',
      durable: 'audit',
      gatherMs: 20,
      handle,
      isTransient: () => false,
      ensureStream: ensureStreams,
      ...options,
    }),
  )
}

const ackAll = (messages: readonly IncomingMessage[]): Verdict[] => messages.map(() => 'ack')
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`)

async function pendingAcks(): Promise<number> {
  const manager = await jetstreamManager(await audit.connected())
  const info = await manager.consumers.info('MEMORIC_EVENTS', 'audit')
  return info.num_ack_pending + info.num_pending
}

async function deadLetters() {
  const admin = connect(nats, 'admin')
  const manager = await jetstreamManager(await admin.connected())
  const { state } = await manager.streams.info('MEMORIC_DEAD_LETTERS')
  const found = Array.from({ length: state.messages }, (_, index) =>
    manager.streams.getMessage('MEMORIC_DEAD_LETTERS', { seq: state.first_seq + index }),
  )
  return (await Promise.all(found)).map((letter) => ({
    subject: letter?.subject,
    text: letter?.string(),
    reason: letter?.header.get('Memoric-Reason'),
  }))
}

describe('a batch consumer', () => {
  it('takes everything in batches, in order, and acknowledges it', async () => {
    const sizes: number[] = []
    const texts: string[] = []
    await publish(numbered(250))
    consume(
      (messages) => {
        sizes.push(messages.length)
        texts.push(...messages.map((message) => message.string()))
        return Promise.resolve(ackAll(messages))
      },
      { batch: 100 },
    )
    await waitUntil(() => expect(texts).toEqual(numbered(250)))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100)
    await waitUntil(async () => expect(await pendingAcks()).toBe(0))
  })

  it('delivers again what shall be tried again, and buries what is dead', async () => {
    await publish(['good', 'later', 'bad'])
    const seen: string[] = []
    const onDead = vi.fn()
    consume(
      (messages) => {
        seen.push(...messages.map((message) => message.string()))
        return Promise.resolve(
          messages.map((message): Verdict => {
            if (message.string() === 'bad') return { dead: 'not an\r\nevent' }
            return message.string() === 'later' && message.info.deliveryCount === 1 ? 'retry' : 'ack'
          }),
        )
      },
      { onDead },
    )
    await waitUntil(() => expect(seen).toEqual(['good', 'later', 'bad', 'later']))
    await waitUntil(async () => expect(await pendingAcks()).toBe(0))
    const [dead, ...others] = await deadLetters()
    expect([dead, others]).toMatchObject([{ text: 'bad', reason: 'not an event' }, []])
    expect(dead?.subject).toMatch(/^memoric\.dead\.audit\.[0-9a-f]{64}$/)
    expect(onDead).toHaveBeenCalledTimes(1)
  })

  it('isolates the message that makes the handler throw', async () => {
    const payloads = [...numbered(20), 'poison', ...numbered(10)]
    await publish(payloads)
    const taken: string[] = []
    consume((messages) => {
      const texts = messages.map((message) => message.string())
      const poisoned = texts.includes('poison') && messages.every((message) => message.info.deliveryCount === 1)
      if (poisoned) return Promise.reject(new Error('poison'))
      taken.push(...texts)
      return Promise.resolve(ackAll(messages))
    })
    await waitUntil(() => expect([...taken].sort()).toEqual([...payloads].sort()))
    expect(taken.at(-1)).toBe('poison')
  })

  it('keeps trying the same batch while an error is one that passes', async () => {
    await publish(numbered(5))
    let failures = 4
    const sizes: number[] = []
    consume(
      (messages) => {
        if (failures-- > 0) return Promise.reject(new Error('database away'))
        sizes.push(messages.length)
        return Promise.resolve(ackAll(messages))
      },
      { isTransient: () => true },
    )
    await waitUntil(() => expect(sizes).toEqual([5]))
    expect(await deadLetters()).toEqual([])
  })

  it('loses nothing when NATS is killed under way', async () => {
    const seen = new Set<string>()
    const consumer = consume((messages) => {
      for (const message of messages) seen.add(message.string())
      return Promise.resolve(ackAll(messages))
    })
    await publish(numbered(50))
    await waitUntil(() => expect(seen.size).toBeGreaterThan(0))
    await nats.kill()
    await waitUntil(() => expect(consumer.isConsuming()).toBe(false))
    await nats.start()
    await publish(['after'])
    await waitUntil(() => expect([...seen].sort()).toEqual([...numbered(50), 'after'].sort()))
  })

  it.each(['consumer', 'stream'])('makes the %s again when it has vanished', async (lost) => {
    const seen: string[] = []
    const consumer = consume((messages) => {
      seen.push(...messages.map((message) => message.string()))
      return Promise.resolve(ackAll(messages))
    })
    await publish(['before'])
    await waitUntil(() => expect(seen).toEqual(['before']))
    const manager = await jetstreamManager(await connect(nats, 'admin').connected())
    if (lost === 'consumer') await manager.consumers.delete('MEMORIC_EVENTS', 'audit')
    else await manager.streams.delete('MEMORIC_EVENTS')
    await waitUntil(() => expect(consumer.isConsuming()).toBe(false))
    await waitUntil(() => expect(consumer.isConsuming()).toBe(true))
    await publish(['after'])
    await waitUntil(() => expect(seen.at(-1)).toBe('after'))
  })

  it('finishes what has arrived when it is closed, and leaves the rest to another', async () => {
    await publish(numbered(30))
    const [entered, gate] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
    const first: string[] = []
    const consumer = consume(
      async (messages) => {
        entered.resolve(undefined)
        await gate.promise
        first.push(...messages.map((message) => message.string()))
        return ackAll(messages)
      },
      { batch: 10 },
    )
    await entered.promise
    await sleep(200)
    const closed = consumer.close()
    gate.resolve(undefined)
    await closed
    expect(first).toEqual(numbered(first.length))
    expect(first.length).toBeLessThan(30)
    const second: string[] = []
    consume(
      (messages) => {
        second.push(...messages.map((message) => message.string()))
        return Promise.resolve(ackAll(messages))
      },
      { batch: 10 },
    )
    await waitUntil(() => expect([...first, ...second].sort()).toEqual(numbered(30).sort()))
  })

  it('needs no more than the rights of a service that consumes some of the events', async () => {
    const memory = connect(nats, 'memory')
    const seen: string[] = []
    const filterSubject = 'memoric.v1.*.subject.erased'
    consume(
      (messages) => {
        seen.push(...messages.map((message) => message.subject))
        return Promise.resolve(ackAll(messages))
      },
      { messaging: memory, durable: 'memory', filterSubject, ensureStream: () => Promise.resolve() },
    )
    await publish(['not for memory'])
    const erased = { id: randomUUID(), subject: 'memoric.v1.t1.subject.erased', payload: '{}' }
    await createEventPublisher(audit).publish([erased])
    await waitUntil(() => expect(seen).toEqual([erased.subject]))
    expect(memory.isHealthy()).toBe(true)
  })
})

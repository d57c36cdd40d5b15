import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Problem, problem } from '@memoric/contracts/error-codes.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Grant } from '@memoric/contracts/introspection.ts'
import { EVENT_STREAM, REVOKED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { ensureStreams } from '@memoric/messaging/streams.ts'
import { createEventFactory, type EventInput } from '@memoric/service/event-factory.ts'
import { type EventSource, openEventSource } from '@memoric/testkit/event-source.ts'
import { startOwnNats } from '@memoric/testkit/start-own-nats.ts'
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createSubscriber, UNSENT_MAX } from '../src/events/subscriber.ts'
import { useGateway } from './use-gateway.ts'
import { testCaller } from './test-caller.ts'

const gateway = useGateway({ EVENT_STREAMS_CREDENTIAL_MAX: '3', EVENT_STREAMS_TENANT_MAX: '4' })
const open: EventSource[] = []
const patience = { timeout: 10_000, interval: 10 }
const makeEvent = createEventFactory({ app: 'memory', personalDataKey: createSealingKey(1, randomBytes(32)) })
let admin: NatsConnection
let manager: JetStreamManager

beforeAll(async () => {
  admin = await connect({ ...gateway.nats.login('admin'), maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  manager = await jetstreamManager(admin)
  await ensureStreams(admin)
})
afterEach(() => {
  for (const source of open.splice(0)) source.close()
})
afterAll(() => admin.close())

async function publish(tenantId: string, input: Partial<EventInput> = {}, by = admin): Promise<string> {
  const context = {
    caller: testCaller(tenantId),
    endpoint: '/v1/memories',
    method: 'POST',
    startedAt: performance.now(),
  }
  const event = makeEvent({ type: 'memory.created', context, resourceId: randomUUID(), statusCode: 201, ...input })
  await jetstream(by).publish(event.subject, event.payload)
  return event.eventId
}

async function publishMany(tenantId: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i += 50) {
    ids.push(...(await Promise.all(Array.from({ length: Math.min(50, count - i) }, () => publish(tenantId)))))
  }
  return ids
}

async function subscribe(key: string, query = '', headers: Record<string, string> = {}): Promise<EventSource> {
  const source = await openEventSource(`http://127.0.0.1:${gateway.port}/v1/events${query}`, {
    'x-api-key': key,
    ...headers,
  })
  open.push(source)
  return source
}

const resume = (key: string, id: string | undefined) => subscribe(key, '', { 'last-event-id': id ?? '' })
const idsOf = ({ messages }: EventSource) =>
  messages.filter(({ name }) => name === 'message').map(({ data }) => (data as { id: string }).id)
const notices = ({ messages }: EventSource) =>
  messages
    .filter(({ name }) => name !== 'message')
    .map(({ name, data }) => `${name} ${(data as { reason: string }).reason}`)

async function refused(key: string, query = '', headers: Record<string, string> = {}): Promise<Problem> {
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/v1/events${query}`, {
    headers: { 'x-api-key': key, ...headers },
  })
  return problem.parse(await answer.json())
}

/** What auth says when something of a grant ended. */
function revoke({ grantId }: Grant): void {
  for (const [id, grant] of gateway.grants) if (grant.grantId === grantId) gateway.grants.delete(id)
  admin.publish(REVOKED_SUBJECT, JSON.stringify({ ids: [grantId] }))
}

describe('a stream of events', () => {
  test('has the events of its tenant in order, without what is sealed, and nothing of another tenant', async () => {
    const [mine, other] = [gateway.newKey(), gateway.newKey()]
    const source = await subscribe(mine.text)
    expect(source.response.statusCode).toBe(200)
    expect(source.response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(source.response.headers['cache-control']).toBe('no-store, no-transform')
    const published: string[] = []
    for (let i = 0; i < 20; i += 1) {
      published.push(await publish(mine.grant.tenantId))
      await publish(other.grant.tenantId)
    }
    await expect.poll(() => idsOf(source), patience).toEqual(published)
    const text = JSON.stringify(source.messages)
    expect(text).not.toContain('personal')
    expect(text).not.toContain(other.grant.tenantId)
    expect(source.messages[0]?.data).toMatchObject({ specversion: '1.0', tenantid: mine.grant.tenantId })
  })

  test('has only what its filters let through', async () => {
    const { text, grant } = gateway.newKey()
    const [byType, byPrefix, byResource] = [
      await subscribe(text, '?type=memory.deleted'),
      await subscribe(text, '?type=memory.*'),
      await subscribe(text, '?resource=user/7'),
    ]
    const created = await publish(grant.tenantId)
    const deleted = await publish(grant.tenantId, { type: 'memory.deleted' })
    const user = await publish(grant.tenantId, { type: 'user.updated', resourceId: '7' })
    await publish(grant.tenantId, { type: 'user.updated', resourceId: '8' })
    await expect.poll(() => idsOf(byType), patience).toEqual([deleted])
    await expect.poll(() => idsOf(byPrefix), patience).toEqual([created, deleted])
    await expect.poll(() => idsOf(byResource), patience).toEqual([user])
  })

  test('goes on after the last event that a client had, with each event once, under load', async () => {
    const { text, grant } = gateway.newKey()
    const first = await subscribe(text)
    const published = await publishMany(grant.tenantId, 300)
    await expect.poll(() => idsOf(first).length, patience).toBeGreaterThan(100)
    first.close()
    const seen = first.messages.slice(0, 90)
    const writing = publishMany(grant.tenantId, 1_500)
    await sleep(50)
    const second = await resume(text, seen.at(-1)?.id)
    const late = await writing
    const expected = new Set([...published, ...late])
    const had = () => [...seen.map(({ data }) => (data as { id: string }).id), ...idsOf(second)]
    await expect.poll(() => had().length, { timeout: 20_000, interval: 50 }).toBe(expected.size)
    expect(new Set(had())).toEqual(expected)
    expect(notices(second)).toEqual([])
  }, 40_000)

  test.each(['null', '[]', '{"type":"memory.created"}', '{"type":"memory.created","data":null}', '\xff'])(
    'passes over %s, which is no event',
    async (poison) => {
      const { text, grant } = gateway.newKey()
      const source = await subscribe(text)
      const before = await publish(grant.tenantId)
      await jetstream(admin).publish(`memoric.v1.${grant.tenantId}.memory.created`, Buffer.from(poison, 'latin1'))
      const after = await publish(grant.tenantId)
      await expect.poll(() => idsOf(source), patience).toEqual([before, after])
      const second = await resume(text, source.messages[0]?.id)
      await expect.poll(() => idsOf(second), patience).toEqual([after])
      expect([...notices(source), ...notices(second)]).toEqual([])
    },
  )

  test('goes on for a client that had everything', async () => {
    const { text, grant } = gateway.newKey()
    const first = await subscribe(text)
    await publish(grant.tenantId)
    await expect.poll(() => idsOf(first).length, patience).toBe(1)
    const second = await resume(text, first.messages[0]?.id)
    const next = await publish(grant.tenantId)
    await expect.poll(() => idsOf(second), patience).toEqual([next])
  })

  test('says that events may be missing where the id is unknown, also that of another tenant', async () => {
    const [mine, other] = [gateway.newKey(), gateway.newKey()]
    const theirs = await subscribe(other.text)
    await publish(other.grant.tenantId)
    await expect.poll(() => theirs.messages.length, patience).toBe(1)
    for (const id of [theirs.messages[0]?.id, 'AAAAAAAAAAAAAAAAAAAAAA']) {
      const source = await resume(mine.text, id)
      await expect.poll(() => notices(source), patience).toEqual(['memoric.gap unknown_id'])
      const event = await publish(mine.grant.tenantId)
      await expect.poll(() => idsOf(source), patience).toEqual([event])
      source.close()
    }
  })

  test('says that events are no longer kept where the id is too old', async () => {
    const { text, grant } = gateway.newKey()
    const first = await subscribe(text)
    await publish(grant.tenantId)
    await expect.poll(() => first.messages.length, patience).toBe(1)
    first.close()
    await publishMany(grant.tenantId, 10)
    await manager.streams.purge(EVENT_STREAM)
    const kept = await publish(grant.tenantId)
    const second = await resume(text, first.messages[0]?.id)
    await expect.poll(() => notices(second), patience).toEqual(['memoric.gap too_old'])
    await expect.poll(() => idsOf(second), patience).toEqual([kept])
  })

  test('lives through a stream that was made anew, and says so', async () => {
    const { text, grant } = gateway.newKey()
    const source = await subscribe(text)
    await publish(grant.tenantId)
    await expect.poll(() => source.messages.length, patience).toBe(1)
    await manager.streams.delete(EVENT_STREAM)
    await sleep(100)
    await ensureStreams(admin)
    const after = await publish(grant.tenantId)
    // NATS does not always tell a reader that its stream is gone: then heartbeats are missed, two of them, five seconds apart.
    await expect.poll(() => idsOf(source).at(-1), { timeout: 20_000, interval: 10 }).toBe(after)
    expect(notices(source)).toEqual(['memoric.gap stream_replaced'])
    const second = await resume(text, source.messages[0]?.id)
    await expect.poll(() => notices(second), patience).toEqual(['memoric.gap stream_replaced'])
    await expect.poll(() => idsOf(second), patience).toEqual([after])
  })

  test('ends after the time that was asked for', async () => {
    const source = await subscribe(gateway.newKey().text, '?max_seconds=1')
    await source.closed
    expect(notices(source)).toEqual(['memoric.end time_over'])
  })
})

describe('whoever listens', () => {
  test('stops within a second of the revocation of the credential, while others go on', async () => {
    const [mine, other] = [gateway.newKey(), gateway.newKey()]
    const [ended, stays] = [await subscribe(mine.text), await subscribe(other.text)]
    const revokedAt = performance.now()
    revoke(mine.grant)
    await ended.closed
    expect(performance.now() - revokedAt).toBeLessThan(1_000)
    expect(notices(ended)).toEqual(['memoric.end credential_ended'])
    const event = await publish(other.grant.tenantId)
    await expect.poll(() => idsOf(stays), patience).toEqual([event])
  })

  test('stops as soon, when the credential ended while the stream was being opened', async () => {
    const { text, grant } = gateway.newKey()
    const { promise: gate, resolve: letGo } = Promise.withResolvers<undefined>()
    const { messaging } = gateway.deps
    const { connected } = messaging
    const asked = vi.spyOn(messaging, 'connected').mockImplementationOnce(() => gate.then(connected))
    const opening = subscribe(text)
    await expect.poll(() => asked.mock.calls.length, patience).toBe(1)
    const told = Promise.withResolvers<undefined>()
    onTestFinished(gateway.deps.grantSignals.onRevoked(() => told.resolve(undefined)))
    revoke(grant)
    await told.promise
    letGo(undefined)
    const source = await opening
    const openedAt = performance.now()
    await source.closed
    expect(performance.now() - openedAt).toBeLessThan(1_000)
    expect(notices(source)).toEqual(['memoric.end credential_ended'])
  })

  test('goes on when something of the tenant has changed that does not end the credential', async () => {
    const { text, grant } = gateway.newKey()
    const source = await subscribe(text)
    admin.publish(REVOKED_SUBJECT, JSON.stringify({ ids: [grant.tenantId] }))
    await sleep(300)
    const event = await publish(grant.tenantId)
    await expect.poll(() => idsOf(source), patience).toEqual([event])
  })

  test('stops when the credential expires, or loses the permission', async () => {
    const brief = gateway.newKey({ expiresAt: Date.now() + 1_000 })
    const lesser = gateway.newKey()
    const [expiring, losing] = [await subscribe(brief.text), await subscribe(lesser.text)]
    for (const [id, grant] of gateway.grants) {
      if (grant.grantId === lesser.grant.grantId) gateway.grants.set(id, { ...grant, permissions: ['memories:read'] })
      if (grant.grantId === brief.grant.grantId) gateway.grants.delete(id)
    }
    admin.publish(REVOKED_SUBJECT, JSON.stringify({ ids: [lesser.grant.grantId] }))
    await Promise.all([expiring.closed, losing.closed])
    expect([notices(expiring), notices(losing)].flat()).toEqual(Array(2).fill('memoric.end credential_ended'))
  })

  test('must hold the permission, for the whole tenant', async () => {
    const codes = [
      (await refused(gateway.newKey({ permissions: ['audit:read'] }).text)).code,
      (await refused(gateway.newKey({ subjects: ['ada'] }).text)).code,
      (await refused(gateway.newKey({ namespaces: ['notes'] }).text)).code,
    ]
    expect(codes).toEqual(Array(3).fill('permission_denied'))
  })

  test('is told what is wrong with a request', async () => {
    const { text } = gateway.newKey()
    expect((await refused(text, '?sort=up')).errors?.[0]?.pointer).toBe('query/sort')
    expect((await refused(text, '?max_seconds=0')).errors?.[0]?.pointer).toBe('query/max_seconds')
    expect((await refused(text, '', { 'last-event-id': '1; drop' })).errors?.[0]?.pointer).toBe('header/last-event-id')
  })

  test('cannot open more streams than a credential, and a tenant, may', async () => {
    const tenantId = randomUUID() as TenantId
    const [one, two] = [gateway.newKey({ tenantId }), gateway.newKey({ tenantId })]
    const first = await subscribe(one.text)
    await subscribe(one.text)
    await subscribe(one.text)
    expect(await refused(one.text)).toMatchObject({ status: 429, code: 'too_many_subscriptions' })
    await subscribe(two.text)
    expect((await refused(two.text)).code).toBe('too_many_subscriptions')
    first.close()
    await expect.poll(async () => (await subscribe(two.text)).response.statusCode, patience).toBe(200)
  })

  test('and does not read is cut off with a last event, and keeps nobody waiting', async () => {
    const { text, grant } = gateway.newKey()
    const [slow, quick] = [await subscribe(text), await subscribe(text)]
    slow.response.pause()
    const size = 20_000
    const details = { filler: 'x'.repeat(size) }
    let count = 0
    for (; count < 1_000 && idsOf(quick).length <= count; count += 50) {
      await Promise.all(Array.from({ length: 50 }, () => publish(grant.tenantId, { details })))
      await expect.poll(() => idsOf(quick).length, patience).toBe(count + 50)
    }
    expect(idsOf(quick)).toHaveLength(1_000)
    slow.response.resume()
    await slow.closed
    expect(idsOf(slow).length).toBeLessThan(1_000)
  }, 60_000)
})

describe('the gateway', () => {
  test('asks nothing of NATS that it may not', () => {
    expect(gateway.deps.messaging.isHealthy()).toBe(true)
  })

  test('goes on after NATS was killed, with what was published meanwhile', async () => {
    const own = await startOwnNats()
    const producer = await connect({ ...own.login('admin'), maxReconnectAttempts: -1, reconnectTimeWait: 50 })
    await ensureStreams(producer)
    const overrides = { NATS_URL: own.url, NATS_PASSWORD: own.password('gateway') }
    const { port } = await gateway.startAnother(overrides)
    const { text, grant } = gateway.newKey()
    const source = await openEventSource(`http://127.0.0.1:${port}/v1/events`, { 'x-api-key': text })
    const send = () => publish(grant.tenantId, {}, producer)
    const published = [await send()]
    await expect.poll(() => idsOf(source), patience).toEqual(published)
    await own.kill()
    await own.start()
    await expect.poll(() => producer.rtt().catch(() => undefined), patience).toBeDefined()
    for (let i = 0; i < 20; i += 1) published.push(await send())
    await expect.poll(() => idsOf(source), { timeout: 20_000 }).toEqual(published)
    expect(notices(source)).toEqual([])
    source.close()
    await producer.close()
    await own.remove()
  }, 40_000)

  test('keeps no more than a megabyte for a client that does not read, and says why it ends', async () => {
    const subscriber = createSubscriber()
    for (let i = 0; i < 100; i += 1) subscriber.send(Buffer.alloc(50_000, 'x'))
    expect(subscriber.hasEnded()).toBe(true)
    const sent = Buffer.concat(await subscriber.body.toArray())
    expect(sent.length).toBeLessThan(UNSENT_MAX + 1_000)
    expect(sent.subarray(-200).toString()).toContain('event: memoric.end\ndata: {"reason":"too_slow"')
  })

  test('ends streams with a last event when it stops', async () => {
    const other = await gateway.startAnother({})
    const { text } = gateway.newKey()
    const source = await openEventSource(`http://127.0.0.1:${other.port}/v1/events`, { 'x-api-key': text })
    open.push(source)
    const stopped = other.app.close()
    await source.closed
    expect(notices(source)).toEqual(['memoric.end shutdown'])
    await stopped
  })

  test('has a comment every so many seconds, so that nobody in between takes it for dead', async () => {
    const other = await gateway.startAnother({ EVENT_STREAMS_HEARTBEAT_SECONDS: '1' })
    const source = await openEventSource(`http://127.0.0.1:${other.port}/v1/events`, {
      'x-api-key': gateway.newKey().text,
    })
    open.push(source)
    const beats = () => source.comments.filter((comment) => comment.includes('still here')).length
    const started = performance.now()
    await expect.poll(beats, { timeout: 10_000, interval: 20 }).toBe(2)
    expect(performance.now() - started).toBeGreaterThan(1_500)
    expect(source.messages).toEqual([])
    source.close()
    await sleep(50)
  })

  test('serves a thousand streams of one tenant with one reader at NATS', async () => {
    const other = await gateway.startAnother({ EVENT_STREAMS_CREDENTIAL_MAX: '1000', EVENT_STREAMS_TENANT_MAX: '1000' })
    const { text, grant } = gateway.newKey()
    const url = `http://127.0.0.1:${other.port}/v1/events`
    const sources: EventSource[] = []
    for (let i = 0; i < 1_000; i += 50) {
      sources.push(
        ...(await Promise.all(Array.from({ length: 50 }, () => openEventSource(url, { 'x-api-key': text })))),
      )
    }
    open.push(...sources)
    expect(sources.filter(({ response }) => response.statusCode !== 200)).toEqual([])
    let readers = 0
    for await (const { config } of manager.consumers.list(EVENT_STREAM)) {
      readers += config.filter_subject?.includes(grant.tenantId) === true ? 1 : 0
    }
    expect(readers).toBe(1)
    const event = await publish(grant.tenantId)
    await expect.poll(() => sources.filter((source) => idsOf(source)[0] === event).length, patience).toBe(1_000)
  }, 60_000)
})

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { outboxInsert, type OutboxRow } from '../src/outbox.ts'
import { createOutboxRelay, type OutboxRelay, type OutboxRelayOptions } from '../src/outbox-relay.ts'
import { claimUnpublished, type ClaimedRow } from '../src/outbox-queue.ts'
import { systemFlight, systemTransaction, tenantFlight } from '../src/tenant-transaction.ts'
import { tenantScope, useNotesClient, useNotesDatabase } from './notes-database.ts'

const database = useNotesDatabase()
const client = useNotesClient(database, { max: 6 })
const scope = tenantScope()
const running: OutboxRelay[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((relay) => relay.close()))
  await systemFlight(client(), (tx) => [tx`delete from outbox`])
})

const event = (): OutboxRow => ({
  eventId: randomUUID(),
  tenantId: scope.tenantId,
  subject: `memoric.v1.${scope.tenantId}.memory.created`,
  payload: '{"specversion":"1.0"}',
})

async function write(count: number): Promise<string[]> {
  const rows = Array.from({ length: count }, event)
  await tenantFlight(client(), scope, (tx) => [outboxInsert(tx, rows)])
  return rows.map((row) => row.eventId)
}

function start(publish: OutboxRelayOptions['publish'], options: Partial<OutboxRelayOptions> = {}) {
  const warn = vi.fn()
  const relay = createOutboxRelay({ sql: client(), publish, log: { warn }, pollMs: 20, ...options })
  running.push(relay)
  return { relay, warn }
}

function collector() {
  const published: ClaimedRow[] = []
  const publish = (rows: readonly ClaimedRow[]) => {
    published.push(...rows)
    return Promise.resolve(rows.map(() => true))
  }
  return { published, publish, ids: () => published.map(({ id }) => id) }
}

const waitUntil = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 10_000, interval: 10 })

describe('the outbox', () => {
  it('takes events of the tenant of the transaction only, and shows it none', async () => {
    const foreign = { ...event(), tenantId: randomUUID() }
    await expect(tenantFlight(client(), scope, (tx) => [outboxInsert(tx, [foreign])])).rejects.toMatchObject({
      code: '42501',
    })
    await write(1)
    const [rows] = await tenantFlight(client(), scope, (tx) => [tx`select * from outbox`])
    expect(rows).toHaveLength(0)
  })

  it('takes none, one or many events', async () => {
    for (const count of [0, 1, 7]) await write(count)
    const [[row]] = await systemFlight(client(), (tx) => [tx`select count(*) from outbox`])
    expect(row).toEqual({ count: 8 })
  })
})

describe('the relay', () => {
  it('publishes every event, with its subject and payload, and keeps it until it is confirmed', async () => {
    const { published, publish, ids } = collector()
    const { relay } = start(publish, { batch: 10 })
    const written = await write(35)
    relay.wake()
    await waitUntil(() => expect(ids().sort()).toEqual([...written].sort()))
    expect(published[0]).toMatchObject({
      subject: `memoric.v1.${scope.tenantId}.memory.created`,
      payload: '{"specversion":"1.0"}',
    })
    await waitUntil(async () =>
      expect(await relay.stats()).toMatchObject({ unpublished: 0, unconfirmed: 35, oldestMs: 0 }),
    )
    relay.confirm([...written.slice(0, 30), 'no id at all', randomUUID()])
    await waitUntil(async () => expect(await relay.stats()).toMatchObject({ unconfirmed: 5 }))
  })

  it('finds events that nobody woke it for', async () => {
    const { publish, ids } = collector()
    start(publish)
    const written = await write(3)
    await waitUntil(() => expect(ids().sort()).toEqual(written.sort()))
  })

  it('publishes what was there before a failure, and what failed again', async () => {
    const { published, ids } = collector()
    let calls = 0
    const { relay, warn } = start((rows) => {
      calls += 1
      if (calls === 1) return Promise.reject(new Error('no connection'))
      const outcomes = rows.map((_, index) => calls > 2 || index % 2 === 0)
      published.push(...rows.filter((_, index) => outcomes[index]))
      return Promise.resolve(outcomes)
    })
    const written = await write(10)
    relay.wake()
    await waitUntil(() => expect(ids().sort()).toEqual(written.sort()))
    expect(warn).toHaveBeenCalledTimes(2)
  })

  it('publishes an event again when it ended between publishing and marking', async () => {
    const [id] = await write(1)
    const crash = systemTransaction(client(), async (tx) => {
      expect(await claimUnpublished(tx, 10)).toHaveLength(1)
      throw new Error('crash')
    })
    await expect(crash).rejects.toThrow('crash')
    const { publish, ids } = collector()
    start(publish)
    await waitUntil(() => expect(ids()).toEqual([id]))
  })

  it('publishes an unconfirmed event again, under the same id', async () => {
    const { publish, ids } = collector()
    const { relay } = start(publish, { republishAfterMs: 100 })
    const [id] = await write(1)
    relay.wake()
    await waitUntil(() => expect(ids().slice(0, 2)).toEqual([id, id]))
  })

  it('never has a row that another relay is publishing', async () => {
    const held = new Set<string>()
    const seen: string[] = []
    const publish = async (rows: readonly ClaimedRow[]) => {
      for (const { id } of rows) {
        expect(held.has(id)).toBe(false)
        held.add(id)
      }
      await sleep(5)
      for (const { id } of rows) held.delete(id)
      seen.push(...rows.map(({ id }) => id))
      return rows.map(() => true)
    }
    const relays = [start(publish, { batch: 7 }), start(publish, { batch: 7 }), start(publish, { batch: 7 })]
    const written = await write(200)
    for (const { relay } of relays) relay.wake()
    await waitUntil(() => expect(new Set(seen).size).toBe(200))
    expect(seen.sort()).toEqual(written.sort())
    for (const { warn } of relays) expect(warn).not.toHaveBeenCalled()
  })

  it('finishes the batch under way when it is closed', async () => {
    const { publish, ids } = collector()
    const entered = Promise.withResolvers<undefined>()
    const { relay } = start(async (rows) => {
      entered.resolve(undefined)
      await sleep(50)
      return publish(rows)
    })
    const [id] = await write(1)
    await entered.promise
    await relay.close()
    expect(ids()).toEqual([id])
    const [[row]] = await systemFlight(client(), (tx) => [tx`select published_at is not null as marked from outbox`])
    expect(row).toEqual({ marked: true })
  })

  it('publishes at once what is not confirmed when the stream was lost', async () => {
    const { publish, ids } = collector()
    const { relay } = start(publish)
    const written = await write(3)
    relay.wake()
    await waitUntil(() => expect(ids()).toHaveLength(3))
    relay.confirm([written[0]!])
    await waitUntil(async () => expect((await relay.stats()).unconfirmed).toBe(2))
    relay.republish()
    await waitUntil(() => expect(ids().slice(3).sort()).toEqual(written.slice(1).sort()))
  })

  it('counts what leaves the outbox once, by tenant and hour, with the sum of its ids', async () => {
    const { publish, ids } = collector()
    const { relay } = start(publish)
    const written = await write(4)
    relay.wake()
    await waitUntil(() => expect(ids()).toHaveLength(4))
    for (const batch of [written.slice(0, 3), written]) relay.confirm(batch)
    const sum = `${written.reduce((all, id) => all + BigInt(`0x${id.slice(24)}`), 0n)}`
    await waitUntil(async () => {
      const [rows] = await systemFlight(client(), (tx) => [
        tx<{ events: number; sum: string }[]>`
          select sum(events)::int as events, sum(id_sum)::text as sum from outbox_counts where tenant_id = ${scope.tenantId}
            and hour = any(${written.map((id) => Math.floor(Number(`0x${id.replaceAll('-', '').slice(0, 12)}`) / 3_600_000))}::int[])`,
      ])
      expect([...rows]).toEqual([{ events: 4, sum }])
    })
  })
})

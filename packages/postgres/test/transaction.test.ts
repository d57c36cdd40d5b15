import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { describe, expect, it, vi } from 'vitest'
import { DatabaseUnavailable, isUniqueViolation } from '../src/database-error.ts'
import { createClient } from '../src/client.ts'
import type { Tx } from '../src/lease.ts'
import { systemTransaction, tenantFlight, tenantTransaction } from '../src/tenant-transaction.ts'
import { notesUrl, tenantScope, useNotesClient, useNotesDatabase } from './notes-database.ts'

const database = useNotesDatabase()
const client = useNotesClient(database, { max: 1, acquireTimeoutMs: 3_000 })
const scope = tenantScope()

const insert = (tx: Tx, id: string, writtenAt: Date | undefined = new Date()) =>
  tx`insert into notes (tenant_id, id, subject_id, body, written_at) values (${scope.tenantId}, ${id}, 'ada', 'text', ${writtenAt})`

const exists = async (id: string) => {
  const [rows] = await tenantFlight(client(), scope, (tx) => [tx`select 1 from notes where id = ${id}`])
  return rows.length === 1
}

describe('a flight', () => {
  it('resolves to the results of its statements, in order', async () => {
    const id = randomUUID()
    const [inserted, rows] = await tenantFlight(client(), scope, (tx) => [
      insert(tx, id),
      tx<{ id: string; size: number; written_at: Date }[]>`select id, size, written_at from notes where id = ${id}`,
    ])
    expect(inserted.count).toBe(1)
    expect(rows[0]).toEqual({ id, size: 0, written_at: expect.any(Date) as Date })
  })

  it.each([
    '0001-01-01T00:00:00.000Z',
    '0049-05-05T12:00:00.120Z',
    '0099-12-31T23:59:59.999Z',
    '0100-01-01T00:00:00.000Z',
  ])('gives %s back as it was written', async (time) => {
    const id = randomUUID()
    const [, rows] = await tenantFlight(client(), scope, (tx) => [
      insert(tx, id, new Date(time)),
      tx<{ written_at: Date }[]>`select written_at from notes where id = ${id}`,
    ])
    expect(rows[0]?.written_at.toISOString()).toBe(time)
  })

  it('keeps nothing when a statement in the middle fails, throws the first error and leaves the connection usable', async () => {
    const [first, last] = [randomUUID(), randomUUID()]
    const flight = tenantFlight(client(), scope, (tx) => [insert(tx, first), tx`select 1 / 0`, insert(tx, last)])
    await expect(flight).rejects.toMatchObject({ code: '22012' })
    expect(await exists(first)).toBe(false)
    expect(await exists(last)).toBe(false)
  })

  // Twice: a statement's first use on a connection is described before its parameters are written.
  it.each(['first', 'later'])(
    'keeps nothing when a parameter cannot be written, on the %s use of a statement',
    async () => {
      const [first, last] = [randomUUID(), randomUUID()]
      const invalid = tenantFlight(client(), scope, (tx) => [insert(tx, first), insert(tx, last, new Date(Number.NaN))])
      await expect(invalid).rejects.toThrow(RangeError)
      expect(await exists(first)).toBe(false)
      expect(await exists(last)).toBe(false)
      await tenantFlight(client(), scope, (tx) => [insert(tx, first)])
      const missing = tenantFlight(client(), scope, (tx) => [
        insert(tx, last),
        tx`update notes set body = ${undefined as unknown as string} where id = ${first}`,
      ])
      await expect(missing).rejects.toMatchObject({ code: 'UNDEFINED_VALUE' })
      expect(await exists(last)).toBe(false)
    },
  )

  it('refuses a statement that was not made by its handle', async () => {
    const flight = tenantFlight(client(), scope, () => [client()`select 1`])
    await expect(flight).rejects.toThrow(TypeError)
  })

  it('names the constraint of a duplicate', async () => {
    const id = randomUUID()
    const error: unknown = await tenantFlight(client(), scope, (tx) => [insert(tx, id), insert(tx, id)]).catch(
      (e: unknown) => e,
    )
    expect(isUniqueViolation(error)).toBe(true)
    expect(isUniqueViolation(error, 'notes_pkey')).toBe(true)
    expect(isUniqueViolation(error, 'other')).toBe(false)
  })

  it('carries more statements than postgres.js sends at once', async () => {
    const ids = Array.from({ length: 250 }, () => randomUUID())
    const results = await tenantFlight(client(), scope, (tx) => ids.map((id) => insert(tx, id)))
    expect(results).toHaveLength(250)
    expect(await exists(ids[249]!)).toBe(true)
  })

  it('takes a string as JSON text and parses what it reads', async () => {
    const [rows] = await tenantFlight(client(), scope, (tx) => [
      tx<
        { given: unknown; made: unknown }[]
      >`select ${'{"a":1}'}::jsonb as given, ${tx.json({ b: [2] })}::jsonb as made`,
    ])
    expect(rows[0]).toEqual({ given: { a: 1 }, made: { b: [2] } })
  })
})

describe('a transaction in steps', () => {
  it('rolls back when its work throws', async () => {
    const id = randomUUID()
    const work = tenantTransaction(client(), scope, async (tx) => {
      await insert(tx, id)
      throw new Error('changed my mind')
    })
    await expect(work).rejects.toThrow('changed my mind')
    expect(await exists(id)).toBe(false)
  })

  it('fails when a statement failed, also when its work caught the error', async () => {
    const id = randomUUID()
    const work = tenantTransaction(client(), scope, async (tx) => {
      await insert(tx, id)
      await tx`select 1 / 0`.catch(() => undefined)
    })
    await expect(work).rejects.toMatchObject({ code: '22012' })
    expect(await exists(id)).toBe(false)
  })

  it('gives a handle that is of no use afterwards', async () => {
    const leaked = await tenantTransaction(client(), scope, (tx) => Promise.resolve([tx]))
    const other = tenantTransaction(client(), tenantScope(), async () => {
      await expect(leaked[0]!`select * from notes`).rejects.toThrow('this transaction is over')
    })
    await other
  })

  it('rejects a statement after the connection was lost, and recovers on the next', async () => {
    const id = randomUUID()
    let later: Promise<unknown> | undefined
    const work = tenantTransaction(client(), scope, async (tx) => {
      await insert(tx, id)
      const [backend] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
      await terminate(backend!.pid)
      await sleep(50)
      later = tx`select 1`.then(
        () => 'sent',
        (error: unknown) => error,
      )
      await later
    })
    await expect(work).rejects.toBeInstanceOf(DatabaseUnavailable)
    expect(await later).toBeInstanceOf(DatabaseUnavailable)
    expect(await exists(id)).toBe(false)
  })

  it('says unavailable for a statement that was under way, and recovers', async () => {
    const work = systemTransaction(client(), async (tx) => {
      const [backend] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
      const slow = tx`select pg_sleep(20)`.execute()
      await terminate(backend!.pid)
      await slow
    })
    await expect(work).rejects.toBeInstanceOf(DatabaseUnavailable)
    expect(await exists(randomUUID())).toBe(false)
  })
})

describe('connections', () => {
  it('says unavailable when there is no server', async () => {
    const sql = createClient({ url: 'postgres://nobody:x@127.0.0.1:1/nothing' })
    await expect(tenantFlight(sql, scope, (tx) => [tx`select 1`])).rejects.toBeInstanceOf(DatabaseUnavailable)
    await sql.end()
  })

  it('says unavailable when every connection stays busy', async () => {
    const sql = createClient({ url: notesUrl(database), max: 1, acquireTimeoutMs: 50 })
    // The first connection may take longer than that.
    await vi.waitFor(() => tenantFlight(sql, scope, (tx) => [tx`select 1`]))
    const busy = tenantTransaction(sql, scope, async (tx) => await tx`select pg_sleep(0.4)`)
    await expect(tenantFlight(sql, scope, (tx) => [tx`select 1`])).rejects.toThrow('every connection is busy')
    await busy
    await sql.end()
  })

  it('replaces an idle connection that the server closed', async () => {
    const [[backend]] = await tenantFlight(client(), scope, (tx) => [
      tx<{ pid: number }[]>`select pg_backend_pid() as pid`,
    ])
    await terminate(backend!.pid)
    await sleep(50)
    expect(await exists(randomUUID())).toBe(false)
  })

  it('takes the connection from a transaction that takes too long', async () => {
    const sql = createClient({ url: notesUrl(database), max: 1, transactionTimeoutMs: 200 })
    const work = tenantTransaction(sql, scope, async (tx) => {
      await tx`select 1`
      await sleep(2_000)
      await tx`select 1`
    })
    await expect(work).rejects.toBeInstanceOf(DatabaseUnavailable)
    await sql.end()
  })

  it('waits for running transactions when closed, and refuses new ones', async () => {
    const sql = createClient({ url: notesUrl(database), max: 1 })
    await tenantFlight(sql, scope, (tx) => [tx`select 1`])
    const running = tenantTransaction(sql, scope, async (tx) => (await tx`select pg_sleep(0.2)`).count)
    const ended = sql.end()
    await expect(tenantFlight(sql, scope, (tx) => [tx`select 1`])).rejects.toBeInstanceOf(DatabaseUnavailable)
    expect(await running).toBe(1)
    await ended
  })
})

async function terminate(pid: number): Promise<void> {
  const admin = postgres(database.adminUrl, { max: 1 })
  await admin`select pg_terminate_backend(${pid})`
  await admin.end()
}

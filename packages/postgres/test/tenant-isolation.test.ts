import { describe, expect, it } from 'vitest'
import type { Tx } from '../src/lease.ts'
import { systemFlight, tenantFlight, tenantTransaction, type Scope } from '../src/tenant-transaction.ts'
import { tenantScope, useNotesClient, useNotesDatabase } from './notes-database.ts'

const database = useNotesDatabase()
const client = useNotesClient(database, { max: 2 })

const insertNote = (tx: Tx, scope: Scope, subject: string, namespace = 'default') =>
  tx`insert into notes (tenant_id, subject_id, namespace, body) values (${scope.tenantId}, ${subject}, ${namespace}, 'text')`

const subjectsSeen = async (scope: Scope) => {
  const [rows] = await tenantFlight(client(), scope, (tx) => [
    tx<{ subject_id: string }[]>`select subject_id from notes order by subject_id`,
  ])
  return rows.map((row) => row.subject_id)
}

describe('row security with scopes', () => {
  it('shows nothing without a scope, before and after a transaction on the same connection', async () => {
    const scope = tenantScope()
    await tenantFlight(client(), scope, (tx) => [insertNote(tx, scope, 'ada')])
    expect(await client()`select * from notes`).toHaveLength(0)
    const [rows] = await systemFlight(client(), (tx) => [tx`select * from notes`])
    expect(rows).toHaveLength(0)
  })

  it('shows a tenant its own rows and never those of another', async () => {
    const [mine, other] = [tenantScope(), tenantScope()]
    await tenantFlight(client(), mine, (tx) => [insertNote(tx, mine, 'ada')])
    await tenantFlight(client(), other, (tx) => [insertNote(tx, other, 'bob')])
    expect(await subjectsSeen(mine)).toEqual(['ada'])
    expect(await subjectsSeen(other)).toEqual(['bob'])
  })

  it('refuses to write a row of another tenant', async () => {
    const scope = tenantScope()
    const flight = tenantFlight(client(), scope, (tx) => [insertNote(tx, tenantScope(), 'ada')])
    await expect(flight).rejects.toMatchObject({ code: '42501' })
  })

  it('confines to the listed subjects, whatever characters they are made of', async () => {
    const scope = tenantScope()
    const names = ['*', 'a,b', '{}', 'quote"d', 'back\\slash', 'ünïcode', 'null', ' ']
    await tenantFlight(client(), scope, (tx) => names.map((name) => insertNote(tx, scope, name)))
    for (const name of names) expect(await subjectsSeen({ ...scope, subjects: [name] })).toEqual([name])
    expect(await subjectsSeen({ ...scope, subjects: ['*', 'null'] })).toEqual(['*', 'null'])
    expect(await subjectsSeen({ ...scope, subjects: ['nobody'] })).toEqual([])
    expect(await subjectsSeen({ ...scope, subjects: [] })).toEqual([])
  })

  it('confines to the listed namespaces', async () => {
    const scope = tenantScope()
    await tenantFlight(client(), scope, (tx) => [
      insertNote(tx, scope, 'ada', 'work'),
      insertNote(tx, scope, 'bob', 'home'),
    ])
    expect(await subjectsSeen({ ...scope, namespaces: ['work'] })).toEqual(['ada'])
    expect(await subjectsSeen({ ...scope, namespaces: [] })).toEqual([])
    const outside = tenantFlight(client(), { ...scope, namespaces: ['work'] }, (tx) => [
      insertNote(tx, scope, 'cy', 'home'),
    ])
    await expect(outside).rejects.toMatchObject({ code: '42501' })
  })

  it('keeps tenants apart on two connections under 200 concurrent flights', async () => {
    const scopes = Array.from({ length: 20 }, () => tenantScope())
    for (const scope of scopes) await tenantFlight(client(), scope, (tx) => [insertNote(tx, scope, scope.tenantId)])
    const flights = Array.from({ length: 200 }, async (_, index) => {
      const scope = scopes[index % scopes.length]!
      const read = (tx: Tx) => tx<{ tenant_id: string }[]>`select tenant_id from notes`
      const rows =
        index % 3 === 0
          ? await tenantTransaction(client(), scope, async (tx) => await read(tx))
          : (await tenantFlight(client(), scope, (tx) => [read(tx)]))[0]
      expect(rows.map((row) => row.tenant_id)).toEqual([scope.tenantId])
    })
    await Promise.all(flights)
  })

  it('evaluates the scope once for a statement, not for each row', async () => {
    const [plan] = await tenantFlight(client(), tenantScope(), (tx) => [
      tx<{ 'QUERY PLAN': string }[]>`explain select * from notes`,
    ])
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/InitPlan/)
  })
})

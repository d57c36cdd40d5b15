import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSystemReader, type SystemReader } from '../src/system-reader.ts'
import { systemFlight, tenantFlight } from '../src/tenant-transaction.ts'
import { notesUrl, tenantScope, useNotesClient, useNotesDatabase } from './notes-database.ts'

const database = useNotesDatabase()
const client = useNotesClient(database)
let reader: SystemReader

beforeAll(() => {
  reader = createSystemReader({ url: notesUrl(database), max: 2 })
})
afterAll(() => reader.end())

const insertEvent = (id: string) =>
  systemFlight(client(), (tx) => [
    tx`insert into outbox (event_id, tenant_id, subject, payload) values (${id}, ${tenantScope().tenantId}, 's', '{}')`,
  ])

it('reads what policies open to the system, in one statement', async () => {
  const id = crypto.randomUUID()
  await insertEvent(id)
  const rows = await reader.ask((tx) => tx`select event_id from outbox where event_id = ${id}`)
  expect(rows).toHaveLength(1)
})

it('sees nothing of a tenant that is not open to the system', async () => {
  const scope = tenantScope()
  await tenantFlight(client(), scope, (tx) => [
    tx`insert into notes (tenant_id, subject_id, namespace, body) values (${scope.tenantId}, 'ada', 'default', 'text')`,
  ])
  expect(await reader.ask((tx) => tx`select * from notes`)).toHaveLength(0)
})

it('cannot write', async () => {
  const writing = reader.ask((tx) => tx`delete from outbox`)
  await expect(writing).rejects.toMatchObject({ code: '25006' })
})

it('answers many at once over few connections, and goes on after a statement that failed', async () => {
  const asked = Array.from({ length: 50 }, (_, index) =>
    index === 7
      ? reader.ask((tx) => tx`select 1 / 0`)
      : reader.ask((tx) => tx<{ n: number }[]>`select ${index}::int as n`),
  )
  const answers = await Promise.allSettled(asked)
  expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1)
})

it('says that the database is away, and finds it again', async () => {
  const killed = reader.ask((tx) => tx`select pg_terminate_backend(pg_backend_pid())`)
  await expect(killed).rejects.toMatchObject({ name: 'DatabaseUnavailable' })
  expect(await reader.ask((tx) => tx`select 1`)).toHaveLength(1)
})

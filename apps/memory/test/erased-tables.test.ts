import { expect, test } from 'vitest'
import { ERASED_TABLES, KEPT_TABLES, TABLES_OF_TENANTS } from '../src/privacy/erased-tables.ts'
import { useMemory } from './use-memory.ts'

const memory = useMemory()

async function tablesWith(column: string): Promise<string[]> {
  const rows = await memory.admin<{ name: string }[]>`
    select table_name::text as name from information_schema.columns
    where table_schema = 'public' and column_name = ${column} order by 1`
  return rows.map(({ name }) => name)
}

test('every table with a subject is emptied by an erasure, or kept for a reason', async () => {
  const known = [...ERASED_TABLES, ...Object.keys(KEPT_TABLES)]
  expect(known.toSorted()).toEqual(await tablesWith('subject_id'))
})

test('every table with a subject has its tenant, too', async () => {
  const ofTenants = new Set(await tablesWith('tenant_id'))
  expect((await tablesWith('subject_id')).filter((name) => !ofTenants.has(name))).toEqual([])
})

test('every table with sealed bytes of a tenant belongs to a subject, or is known to belong to none', async () => {
  const ofSubjects = new Set([...(await tablesWith('subject_id')), ...Object.keys(TABLES_OF_TENANTS)])
  expect((await tablesWith('sealed')).filter((name) => !ofSubjects.has(name))).toEqual([])
})

test('the service may delete from every table that an erasure empties', async () => {
  const rows = await memory.admin<{ name: string }[]>`
    select name from unnest(${[...ERASED_TABLES]}::text[]) as t (name)
    where not has_table_privilege('memoric_memory', name, 'delete')`
  expect(rows).toEqual([])
})

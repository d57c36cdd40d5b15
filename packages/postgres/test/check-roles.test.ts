import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { checkRoles } from '../src/check-roles.ts'
import { appRole, useNotesClient, useNotesDatabase } from './notes-database.ts'

const database = useNotesDatabase()
const client = useNotesClient(database)

const check = () => checkRoles(client(), { tablesWithoutRowSecurity: ['settings'] })

describe('checkRoles', () => {
  it('accepts a role that only has its grants', async () => {
    await expect(check()).resolves.toBeUndefined()
  })

  it('refuses a superuser', async () => {
    const admin = postgres(database.adminUrl, { max: 1 })
    await expect(checkRoles(admin, { tablesWithoutRowSecurity: [] })).rejects.toThrow(/is a superuser/)
    await admin.end()
  })

  it.each([
    ['an owner of a table', `alter table notes owner to ${appRole}`, /owns notes/],
    ['a member of an owner', `grant memoric_notes_owner to ${appRole}`, /may act as memoric_notes_owner/],
    ['TRUNCATE', `grant truncate on notes to ${appRole}`, /may truncate notes/],
    ['REFERENCES and TRIGGER', `grant references, trigger on notes to ${appRole}`, /may references, trigger notes/],
    [
      'a table without row security',
      'alter table notes disable row level security',
      /notes has no forced row security/,
    ],
    [
      'a table whose row security is not forced',
      'alter table notes no force row level security',
      /notes has no forced/,
    ],
    [
      'a view with its owner’s rights',
      `create view peek as select * from notes; grant select on peek to ${appRole}`,
      /peek shows/,
    ],
  ])('refuses %s', async (_, statement, message) => {
    await withChange(statement, async () => {
      await expect(check()).rejects.toThrow(message)
    })
  })

  it('accepts a listed table without row security, and a view with the caller’s rights', async () => {
    const statement = `
      create table settings (a int); grant select on settings to ${appRole};
      create view seen with (security_invoker = true) as select * from notes; grant select on seen to ${appRole}`
    await withChange(statement, async () => {
      await expect(check()).resolves.toBeUndefined()
    })
  })
})

/** Runs a statement as superuser, then the check, then puts everything back. */
async function withChange(statement: string, work: () => Promise<void>): Promise<void> {
  const admin = postgres(database.adminUrl, { max: 1, onnotice: () => undefined })
  try {
    await admin.unsafe(statement)
    await work()
  } finally {
    await admin.unsafe(`
      drop view if exists peek, seen; drop table if exists settings;
      alter table notes owner to memoric_notes_owner;
      revoke memoric_notes_owner from ${appRole};
      revoke truncate, references, trigger on notes from ${appRole};
      grant select, insert, update, delete on notes to ${appRole};
      alter table notes enable row level security; alter table notes force row level security`)
    await admin.end()
  }
}

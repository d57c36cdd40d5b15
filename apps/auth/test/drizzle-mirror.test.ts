import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core'
import { expect, test } from 'vitest'
import { tenants, users } from '../src/accounts/account-tables.ts'
import { apiKeys } from '../src/api-keys/api-key-table.ts'
import { rootKeys } from '../src/keys/root-key-table.ts'
import { refreshTokens, sessions } from '../src/sessions/session-tables.ts'
import { signingKeys } from '../src/signing-keys/signing-key-table.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const tables = [tenants, users, sessions, refreshTokens, apiKeys, signingKeys, rootKeys]

interface Column {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly has_default: boolean
  readonly in_key: boolean
}

function mirrored(table: PgTable): Column[] {
  const { columns, primaryKeys } = getTableConfig(table)
  const keyed = new Set(primaryKeys.flatMap((key) => key.columns.map(({ name }) => name)))
  return columns.map((column) => ({
    name: column.name,
    type: column.getSQLType().replace(' (', '('),
    required: column.notNull,
    has_default: column.hasDefault,
    in_key: column.primary || keyed.has(column.name),
  }))
}

const migrated = (table: string) => auth.admin<Column[]>`
  select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required, atthasdef as has_default,
    coalesce(attnum = any (i.indkey), false) as in_key
  from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
  where attrelid = ${table}::regclass and attnum > 0 and not attisdropped
  order by attnum`

test.each(tables.map((table) => [getTableConfig(table).name, table] as const))(
  'the drizzle table of %s is the one that the migrations make',
  async (name, table) => {
    expect([...(await migrated(name))]).toEqual(mirrored(table))
  },
)

test('every table has row security, forced, and a comment', async () => {
  const rows = await auth.admin<{ name: string }[]>`
    select relname as name from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace
      and not (relrowsecurity and relforcerowsecurity and obj_description(oid, 'pg_class') is not null)`
  expect([...rows]).toEqual([])
})

import { systemFlight, tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { beforeAll, expect, test } from 'vitest'
import { tenantScope } from '../src/tenant-scope.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const owners: Owner[] = []
const tenantTables = [
  ['tenants', 'id'],
  ['users', 'tenant_id'],
  ['sessions', 'tenant_id'],
  ['refresh_tokens', 'tenant_id'],
  ['api_keys', 'tenant_id'],
] as const

beforeAll(async () => {
  for (let index = 0; index < 2; index += 1) {
    const owner = await signUp(auth)
    await auth.call('POST', '/v1/api-keys', { name: 'k', scopes: ['memories:read'] }, owner.caller)
    owners.push(owner)
  }
})

test.each(tenantTables)('a transaction of a tenant sees its own rows of %s and no others', async (table, column) => {
  const { sql } = auth.deps
  for (const { tenantId } of owners) {
    const [rows] = await tenantFlight(sql, tenantScope(tenantId), (tx) => [
      tx.unsafe<{ tenant: string }[]>(`select ${column} as tenant from ${table}`),
    ])
    expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set([tenantId]))
  }
})

test.each([...tenantTables.map(([table]) => table), 'signing_keys', 'root_keys'])(
  'outside of a scope %s is empty',
  async (table) => {
    expect(await auth.deps.sql.unsafe(`select 1 from ${table}`)).toHaveLength(0)
  },
)

test.each(['signing_keys', 'root_keys'])('no tenant sees %s', async (table) => {
  const [rows] = await tenantFlight(auth.deps.sql, tenantScope(owners[0]!.tenantId), (tx) => [
    tx.unsafe(`select 1 from ${table}`),
  ])
  expect(rows).toHaveLength(0)
})

test("a tenant can neither change nor make another's rows", async () => {
  const [mine, theirs] = [owners[0]!, owners[1]!]
  const { sql } = auth.deps
  const [changed] = await tenantFlight(sql, tenantScope(mine.tenantId), (tx) => [
    tx`update users set role = 'read_only' where tenant_id = ${theirs.tenantId} returning id`,
  ])
  expect(changed).toHaveLength(0)
  const smuggled = tenantFlight(sql, tenantScope(mine.tenantId), (tx) => [
    tx`insert into sessions (tenant_id, id, user_id, expires_at, idle_expires_at)
      values (${theirs.tenantId}, gen_random_uuid(), ${theirs.userId}, now() + interval '1 day', now() + interval '1 day')`,
  ])
  await expect(smuggled).rejects.toThrow('row-level security')
})

test('the system scope, which has no tenant, cannot change users, sessions or tokens', async () => {
  for (const statement of ["update users set role = 'owner' returning 1"]) {
    const [rows] = await systemFlight(auth.deps.sql, (tx) => [tx.unsafe(statement)])
    expect(rows).toHaveLength(0)
  }
  // It may lock what it removes; a change is refused, not passed over.
  for (const statement of [
    'update sessions set revoked_at = null, revoked_reason = null',
    'update refresh_tokens set used_at = null, successor_sealed = null',
  ]) {
    const revived = systemFlight(auth.deps.sql, (tx) => [tx.unsafe(statement)])
    await expect(revived).rejects.toThrow('row-level security')
  }
})

import { parseApiKey } from '@memoric/crypto/api-key.ts'
import { expect, test } from 'vitest'
import { PASSWORD } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

/** Everything that every table holds, as the text that PostgreSQL makes of it, bytes also as the characters they are. */
async function dump(): Promise<string> {
  const tables = await auth.admin<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`
  const parts: string[] = []
  for (const { name } of tables) {
    const rows = await auth.admin.unsafe(`select * from ${name}`)
    for (const value of rows.flatMap((row) => Object.values(row) as unknown[])) parts.push(readable(value))
  }
  return parts.join('\n').toLowerCase()
}

function readable(value: unknown): string {
  return Buffer.isBuffer(value) ? `${value.toString('latin1')} ${value.toString('hex')}` : JSON.stringify(value)
}

test('a thief of the database reads no e-mail, name, password, token or key', async () => {
  const words = { email: 'quokka@planted.example', display_name: 'Wombat Planted', tenant_name: 'Numbat Works' }
  const registered = await auth.call('POST', '/v1/auth/register', { ...words, password: PASSWORD })
  const { user, tenant, refresh_token } = registered.body
  const caller = {
    tenantId: tenant.id,
    principal: { type: 'user' as const, id: user.id },
    permissions: ['keys:manage' as const, 'memories:read' as const],
    subjects: '*' as const,
    namespaces: '*' as const,
  }
  const body = { name: 'Bilby key', scopes: ['memories:read'] }
  const { key } = (await auth.call('POST', '/v1/api-keys', body, caller)).body
  const refreshed = await auth.call('POST', '/v1/auth/refresh', { refresh_token })
  await auth.call('POST', '/v1/auth/login', { email: 'echidna@planted.example', password: 'platypus platypus' })
  const text = await dump()
  expect(text).toContain(tenant.id)
  const secrets = [parseApiKey(key)!.secret, refresh_token, refreshed.body.refresh_token, PASSWORD, 'private key']
  for (const word of ['quokka', 'planted', 'wombat', 'numbat', 'bilby', 'echidna', 'platypus', ...secrets]) {
    const characters = word.toLowerCase()
    expect(text).not.toContain(characters)
    expect(text).not.toContain(Buffer.from(characters).toString('hex'))
  }
})

test('a sealed field does not open in another row', async () => {
  const register = (email: string) =>
    auth.call('POST', '/v1/auth/register', { email, password: PASSWORD, tenant_name: 'Acme' })
  const [first, second] = [(await register('a@example.com')).body.user, (await register('b@example.com')).body.user]
  await auth.admin`
    update users set email_sealed = (select email_sealed from users where id = ${first.id}) where id = ${second.id}`
  const caller = { tenantId: second.tenant_id, principal: { type: 'user' as const, id: second.id } }
  expect((await auth.call('GET', '/v1/auth/me', undefined, caller)).status).toBe(500)
})

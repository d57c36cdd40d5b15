import { beforeEach, expect, test } from 'vitest'
import { EVIL_CLIENT, useEvilProvider } from './evil-provider.ts'
import { type Owner, signUp } from './sign-up.ts'
import { sealSsoSettings } from '../src/sso/sso-settings.ts'
import { Browser } from './sso-browser.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ PUBLIC_URL: 'https://memory.example.org/base/' })
const evil = useEvilProvider()
let owner: Owner

beforeEach(async () => {
  owner = await signUp(auth)
})

const NO_PUBLIC_ADDRESS = 'the issuer cannot be used: its host has no public address'

test.each([
  ['http://{host}', 'the issuer cannot be used: it must be an https URL'],
  ['https://{host}', NO_PUBLIC_ADDRESS],
  ['https://localhost:{port}', NO_PUBLIC_ADDRESS],
  ['https://localhost.:{port}', NO_PUBLIC_ADDRESS],
  ['https://2130706433:{port}', NO_PUBLIC_ADDRESS],
  ['https://0x7f.1:{port}', NO_PUBLIC_ADDRESS],
  ['https://[::ffff:127.0.0.1]:{port}', NO_PUBLIC_ADDRESS],
  ['https://[::1]:{port}', NO_PUBLIC_ADDRESS],
  ['https://169.254.169.254', NO_PUBLIC_ADDRESS],
  ['https://id.example.org:22', 'the issuer cannot be used: its port must be 443, or 1024 and above'],
])('where private networks are closed, %s is no issuer', async (template, detail) => {
  const { host, port } = new URL(evil.issuer)
  const issuer = template.replace('{host}', host).replace('{port}', port)
  const answer = await auth.call('POST', '/v1/sso/providers', { name: 'X', issuer, ...EVIL_CLIENT }, owner.caller)
  expect(answer).toMatchObject({ status: 422, body: { code: 'rule_violated', detail } })
  expect(evil.seen).toHaveLength(0)
  expect(await auth.admin`select 1 from sso_providers where tenant_id = ${owner.tenantId}`).toHaveLength(0)
})

test('a provider from the time when they were open is not asked any more', async () => {
  const place = { tenant_id: owner.tenantId, id: '0198c0de-0000-7000-8000-000000000001' }
  const settings = {
    name: 'X',
    issuer: evil.issuer,
    ...EVIL_CLIENT,
    additional_scopes: [],
    role_claim: null,
    role_mapping: {},
    default_role: 'user' as const,
    create_members: true,
    email_domains: null,
  }
  const sealed = sealSsoSettings(auth.deps.keys.credentials, place, settings)
  await auth.admin`
    insert into sso_providers (tenant_id, id, settings_sealed) values (${place.tenant_id}, ${place.id}, ${sealed})`
  expect((await new Browser(auth).start(place.id)).body.code).toBe('identity_provider_failed')
  expect(evil.seen).toHaveLength(0)
  const { body } = await auth.call('GET', '/v1/sso/providers', undefined, owner.caller)
  const base = `https://memory.example.org/base/v1/auth/oidc/${place.id}`
  expect(body.items).toMatchObject([{ start_url: `${base}/start`, redirect_uri: `${base}/callback` }])
})

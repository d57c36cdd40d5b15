import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'

// Stands for an app: ready at once, knows one tenant, shows its environment, ends on SIGTERM.
const now = new Date().toISOString()
const tenant = { id: randomUUID(), name: 'Local', created_at: now }
const user = {
  id: randomUUID(),
  tenant_id: tenant.id,
  email: 'owner@memoric.local',
  display_name: null,
  role: 'owner',
  created_at: now,
}
const tokens = { access_token: 'a', refresh_token: 'r', token_type: 'Bearer', expires_in: 900 }
const apiKey = { id: randomUUID(), key_id: 'k', name: 'local', scopes: ['admin:*'], key: `mk_local_${randomUUID()}` }
const none = { namespaces: null, subjects: null, created_by: null, last_used_at: null, revoked_at: null }

const answers: Record<string, [number, unknown]> = {
  '/ready': [200, { status: 'ready' }],
  '/environment': [200, process.env],
  '/v1/auth/register': [201, { user, tenant, ...tokens }],
  '/v1/api-keys': [201, { ...apiKey, ...none, created_at: now, expires_at: now }],
  '/v1/auth/me': [200, {}],
}

const server = createServer((request, response) => {
  const [status, body] = answers[request.url ?? ''] ?? [404, {}]
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
})
server.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))

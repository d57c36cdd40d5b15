import { randomBytes } from 'node:crypto'
import type { Permission } from '@memoric/contracts/permissions.ts'
import { type CallApi, createCallApi } from './call-api.ts'

/** An agent of the demo, with a key that is good for its own memories only. */
export interface Agent {
  readonly name: string
  /** As which others can share with it. */
  readonly principal: string
  /** Calls with the key of this agent. */
  readonly call: CallApi
}

/** A tenant that the demo has for itself, so that nothing of it gets among what is there. */
export interface Office {
  readonly tenantId: string
  /** Calls as its owner. */
  readonly call: CallApi
  readonly iris: Agent
  readonly otto: Agent
}

/** What an agent may do with its own memories. */
const SCOPES = ['memories:read', 'memories:write', 'identity:write'] as const satisfies Permission[]

/** Makes a tenant with two agents. Throws when the gateway lets nobody register. */
export async function openOffice(url: string): Promise<Office> {
  const email = `demo-${randomBytes(6).toString('hex')}@example.com`
  const password = randomBytes(18).toString('base64url')
  const registered = await createCallApi(url)('register', { body: { email, password, tenant_name: 'Agent demo' } })
  if (!('access_token' in registered)) throw new Error('The demo needs REGISTRATION=open, to make a tenant of its own.')
  const call = createCallApi(url, registered.access_token)
  const employ = async (name: string): Promise<Agent> => {
    const body = { name, scopes: SCOPES, subjects: [name], expires_in_days: 1 }
    const { id, key } = await call('createApiKey', { body })
    return { name, principal: `api_key:${id}`, call: createCallApi(url, key) }
  }
  return { tenantId: registered.tenant.id, call, iris: await employ('iris'), otto: await employ('otto') }
}

import { randomUUID } from 'node:crypto'
import type { ServiceKey } from '@memoric/crypto/service-key.ts'
import { createTokenForge, type TokenForge, type TokenIssuer } from '@memoric/testkit/forged-tokens/token-forge.ts'
import type { Answer, HttpClient } from './http-client.ts'
import { createHttpClient } from './http-client.ts'

export const SERVICES = ['auth', 'memory', 'audit'] as const
export type ServiceName = (typeof SERVICES)[number]

/** A whole stack, and what its operator knows of it. */
export interface StackUnderAttack {
  /** Port of the gateway. */
  readonly port: number
  readonly servicePorts: Readonly<Record<ServiceName, number>>
  /** By which the gateway calls each service. */
  readonly serviceKeys: Readonly<Record<ServiceName, ServiceKey>>
  /** The key that signs access tokens. */
  readonly issuer: TokenIssuer
  /** All that the apps have logged, a line each. */
  readonly logLines: () => Promise<readonly string[]>
  /** The mails that were sent to an address, oldest first. */
  readonly mailsTo: (address: string) => Promise<readonly string[]>
}

/** Somebody with a tenant. */
export interface Party {
  readonly tenantId: string
  readonly userId: string
  readonly email: string
  readonly password: string
  readonly accessToken: string
  readonly sessionId: string
  readonly refreshToken: string
  readonly apiKey: string
  readonly apiKeyId: string
  readonly memoryId: string
}

/** What is attacked: a stack with one tenant that attacks and another that must not notice. */
export interface Target extends StackUnderAttack {
  readonly gateway: HttpClient
  readonly service: (name: ServiceName) => HttpClient
  readonly attacker: Party
  readonly victim: Party
  /** Makes tokens of the attacker. */
  readonly forge: TokenForge
  /** Another tenant. */
  readonly newParty: () => Promise<Party>
  /** The same with another victim, for when the first was hurt. */
  readonly withNewVictim: () => Promise<Target>
  readonly close: () => Promise<void>
}

export const PASSWORD = 'correct horse battery staple'

/** Words that stand in the victim's memory and nowhere else. */
export const CANARY = 'zanzibar quetzal'

/** Makes the two tenants. Throws when the stack does not even serve them. */
export async function createTarget(stack: StackUnderAttack): Promise<Target> {
  const gateway = createHttpClient(stack.port)
  const clients = new Map(SERVICES.map((name) => [name, createHttpClient(stack.servicePorts[name])]))
  const attacker = await createParty(gateway, 'the attacker has a memory as well')
  const victim = await createParty(gateway, CANARY)
  const subject = { sub: attacker.userId, sid: attacker.sessionId, tenant_id: attacker.tenantId }
  const target: Target = {
    ...stack,
    gateway,
    service: (name: ServiceName) => clients.get(name) ?? gateway,
    attacker,
    victim,
    forge: createTokenForge(stack.issuer, subject),
    newParty: () => createParty(gateway, 'another memory'),
    withNewVictim: async () => ({ ...target, victim: await createParty(gateway, CANARY) }),
    async close() {
      for (const client of [gateway, ...clients.values()]) await client.close()
    },
  }
  await requireForgeWorks(target)
  return target
}

/** If not even a right token of the forge were taken, that the wrong ones are refused would mean nothing. */
async function requireForgeWorks({ gateway, forge }: Pick<Target, 'gateway' | 'forge'>): Promise<void> {
  const answer = await gateway.send({ path: '/v1/auth/me', headers: { authorization: `Bearer ${forge.token()}` } })
  if (answer.status !== 200) throw new Error(`A token like those of auth is refused: ${answer.text}`)
}

async function createParty(gateway: HttpClient, content: string): Promise<Party> {
  const email = `${randomUUID()}@example.org`
  const body = { email, password: PASSWORD, tenant_name: 'Tests' }
  const made = await ok<Registered>(gateway.send({ path: '/v1/auth/register', body }))
  const authorization = `Bearer ${made.access_token}`
  const scopes = ['memories:read', 'memories:write', 'memories:delete', 'audit:read', 'keys:manage', 'users:manage']
  const key = await ok<{ id: string; key: string }>(
    gateway.send({ path: '/v1/api-keys', headers: { authorization }, body: { name: 'a key', scopes } }),
  )
  const memory = await ok<{ id: string }>(
    gateway.send({ path: '/v1/memories', headers: { 'x-api-key': key.key }, body: { content } }),
  )
  return {
    tenantId: made.tenant.id,
    userId: made.user.id,
    email,
    password: PASSWORD,
    accessToken: made.access_token,
    sessionId: sessionOf(made.access_token),
    refreshToken: made.refresh_token,
    apiKey: key.key,
    apiKeyId: key.id,
    memoryId: memory.id,
  }
}

interface Registered {
  readonly user: { readonly id: string }
  readonly tenant: { readonly id: string }
  readonly access_token: string
  readonly refresh_token: string
}

/** The body of an answer that must be a success. */
export async function ok<T>(sent: Promise<Answer>): Promise<T> {
  const { status, text } = await sent
  if (status >= 300) throw new Error(`${status} ${text.slice(0, 500)}`)
  return JSON.parse(text) as T
}

function sessionOf(token: string): string {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  return (JSON.parse(payload) as { sid: string }).sid
}

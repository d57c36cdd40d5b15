import { randomUUID } from 'node:crypto'
import type { OperationId } from '@memoric/contracts/route-table.ts'
import { PASSWORD } from './accounts.ts'
import type { ApiRequest } from './api-client.ts'

/** Names that a valid request is about; ids of nothing where they are left out. */
export interface Targets {
  readonly memoryId?: string
  readonly apiKeyId?: string
  readonly refreshToken?: string
  readonly subjectId?: string
}

type ValidRequests = { readonly [Id in OperationId]: (targets: Targets) => ApiRequest }

const memory = ({ memoryId = randomUUID() }: Targets) => ({ params: { id: memoryId } })
const apiKey = ({ apiKeyId = randomUUID() }: Targets) => ({ params: { id: apiKeyId } })
const token = ({ refreshToken = 'rt_unknown' }: Targets) => ({ body: { refresh_token: refreshToken } })
const subject = ({ subjectId }: Targets) => (subjectId === undefined ? {} : { subject_id: subjectId })
const newMemory = (targets: Targets) => ({ content: `something new ${randomUUID()}`, ...subject(targets) })

/** For each operation a request that its contract accepts. A new route does not compile without one. */
export const validRequests: ValidRequests = {
  register: () => ({ body: { email: `${randomUUID()}@example.org`, password: PASSWORD, tenant_name: 'Valid' } }),
  login: () => ({ body: { email: 'nobody@example.org', password: PASSWORD } }),
  refresh: token,
  logout: token,
  me: () => ({}),
  createApiKey: () => ({ body: { name: 'valid', scopes: ['memories:read'] } }),
  listApiKeys: () => ({ query: { limit: '2' } }),
  getApiKey: apiKey,
  revokeApiKey: apiKey,
  createMemory: (targets) => ({ body: newMemory(targets) }),
  createMemories: (targets) => ({ body: { items: [newMemory(targets)] } }),
  listMemories: (targets) => ({ query: { limit: '2', ...subject(targets) } }),
  getMemory: memory,
  updateMemory: (targets) => ({ ...memory(targets), body: { content: 'something else' } }),
  deleteMemory: memory,
  getMemoryHistory: memory,
  searchMemories: (targets) => ({ body: { query: 'something', ...subject(targets) } }),
  listAuditLogs: () => ({ query: { limit: '2' } }),
}

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
  readonly userId?: string
  readonly sessionId?: string
}

const ssoProvider = { name: 'Example', issuer: 'https://id.example.org', client_id: 'memoric', client_secret: 'secret' }

type ValidRequests = { readonly [Id in OperationId]: (targets: Targets) => ApiRequest }

const memory = ({ memoryId = randomUUID() }: Targets) => ({ params: { id: memoryId } })
const thread = (targets: Targets) => ({ params: { id: 'some-thread' }, query: subject(targets) })
const apiKey = ({ apiKeyId = randomUUID() }: Targets) => ({ params: { id: apiKeyId } })
const someId = () => ({ params: { id: randomUUID() } })
const member = ({ userId = randomUUID() }: Targets) => ({ params: { id: userId } })
const token = ({ refreshToken = 'rt_unknown' }: Targets) => ({ body: { refresh_token: refreshToken } })
const subject = ({ subjectId }: Targets) => (subjectId === undefined ? {} : { subject_id: subjectId })
const newMemory = (targets: Targets) => ({ content: `something new ${randomUUID()}`, ...subject(targets) })

/** For each operation a request that its contract accepts. A new route does not compile without one. */
export const validRequests: ValidRequests = {
  register: () => ({ body: { email: `${randomUUID()}@example.org`, password: PASSWORD, tenant_name: 'Valid' } }),
  login: () => ({ body: { email: `${randomUUID()}@example.org`, password: PASSWORD } }),
  refresh: token,
  logout: token,
  me: () => ({}),
  changePassword: () => ({ body: { current_password: PASSWORD, new_password: PASSWORD } }),
  forgotPassword: () => ({ body: { email: 'nobody@example.org' } }),
  resetPassword: () => ({ body: { token: 'mp_unknown', new_password: PASSWORD } }),
  verifyEmail: () => ({ body: { token: 'mv_unknown' } }),
  resendVerification: () => ({ body: { email: 'nobody@example.org' } }),
  listSessions: () => ({}),
  revokeSession: ({ sessionId = randomUUID() }) => ({ params: { id: sessionId } }),
  revokeOtherSessions: () => ({}),
  enrollTotp: () => ({ body: { password: PASSWORD } }),
  confirmTotp: () => ({ body: { code: '000000' } }),
  disableTotp: () => ({}),
  createSsoProvider: () => ({ body: ssoProvider }),
  listSsoProviders: () => ({}),
  updateSsoProvider: () => ({ ...someId(), body: ssoProvider }),
  deleteSsoProvider: someId,
  startSso: () => ({ params: { provider: randomUUID() } }),
  finishSso: () => ({ params: { provider: randomUUID() }, query: { code: 'code', state: 'state' } }),
  createUser: () => ({ body: { email: `${randomUUID()}@example.org`, role: 'user', password: PASSWORD } }),
  listUsers: () => ({ query: { limit: '2' } }),
  getUser: member,
  updateUser: (targets) => ({ ...member(targets), body: { display_name: 'Another' } }),
  removeUser: member,
  revokeUserSessions: member,
  resetUserTotp: member,
  createInvitation: () => ({ body: { email: `${randomUUID()}@example.org`, role: 'user' } }),
  listInvitations: () => ({ query: { limit: '2' } }),
  revokeInvitation: someId,
  acceptInvitation: () => ({ body: { token: 'mi_unknown', password: PASSWORD } }),
  getTenant: () => ({}),
  updateTenant: () => ({ body: { settings: { sessions_per_user: 20 } } }),
  contain: ({ apiKeyId = randomUUID() }) => ({
    body: { target: { type: 'api_key', id: apiKeyId }, reason: 'a drill' },
  }),
  rotateApiKey: (targets) => ({ ...apiKey(targets), body: { overlap_seconds: 60 } }),
  reportLeak: () => ({ body: { key: 'mk_unknown' } }),
  issueToken: () => ({ body: { grant_type: 'client_credentials', client_id: 'unknown', client_secret: 'unknown' } }),
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
  getQuotas: (targets) => ({ query: subject(targets) }),
  startExport: ({ subjectId = 'nobody' }) => ({ body: { subject_id: subjectId } }),
  getExport: someId,
  downloadExport: someId,
  getPolicy: () => ({}),
  putPolicy: () => ({ body: { policy: {} } }),
  listPolicyVersions: () => ({ query: { limit: '2' } }),
  runPolicies: ({ subjectId = 'nobody' }) => ({ body: { dry_run: true, subject_id: subjectId } }),
  listPolicyRuns: () => ({ query: { limit: '2' } }),
  getPolicyRun: someId,
  promoteMemory: (targets) => ({ ...memory(targets), body: { to: 'long_term' } }),
  startKeyRotation: () => ({ body: { subject_id: 'nobody' } }),
  listKeyRotations: () => ({ query: { limit: '2' } }),
  getKeyRotation: someId,
  eraseSubject: ({ subjectId = `nobody-${randomUUID()}` }) => ({ params: { id: subjectId } }),
  getErasure: someId,
  listConsents: ({ subjectId = 'nobody' }) => ({ params: { id: subjectId } }),
  putConsent: ({ subjectId = 'nobody' }) => ({
    params: { id: subjectId },
    body: { purpose: 'newsletter', status: 'granted' },
  }),
  makeContext: (targets) => ({ body: { query: 'something', ...subject(targets) } }),
  listClusters: (targets) => ({ query: { limit: '2', ...subject(targets) } }),
  rebuildClusters: ({ subjectId = 'nobody' }) => ({ body: { subject_id: subjectId } }),
  listTiers: (targets) => ({ query: subject(targets) }),
  listThreads: (targets) => ({ query: { limit: '2', ...subject(targets) } }),
  getThread: thread,
  summariseThread: thread,
  listRelatedThreads: thread,
  updateThread: (targets) => ({ params: { id: 'some-thread' }, body: { title: 'Another', ...subject(targets) } }),
  deleteThread: thread,
  searchMemories: (targets) => ({ body: { query: 'something', ...subject(targets) } }),
  createHandoff: (targets) => ({
    body: { session_id: randomUUID(), with_whom: 'Ana', remember: 'tea', ...subject(targets) },
  }),
  listHandoffs: (targets) => ({ query: { limit: '2', ...subject(targets) } }),
  getLastHandoff: (targets) => ({ query: { with_whom: 'Ana', ...subject(targets) } }),
  getHandoff: memory,
  listHandoffVersions: memory,
  deleteHandoff: memory,
  wakeUp: (targets) => ({ body: { with_whom: 'Ana', ...subject(targets) } }),
  getIdentity: (targets) => ({ query: { limit: '2', ...subject(targets) } }),
  putPerson: (targets) => ({ body: { name: 'Ana', aliases: ['ana.k'], ...subject(targets) } }),
  listPersons: (targets) => ({ query: { limit: '2', ...subject(targets) } }),
  listAuditLogs: () => ({ query: { limit: '2' } }),
  exportAuditLogs: () => ({ query: { format: 'csv' } }),
  getAuditStatistics: () => ({}),
  listAlerts: () => ({ query: { limit: '2' } }),
  getAlert: someId,
  updateAlert: () => ({ ...someId(), body: { state: 'acknowledged' } }),
  listDetections: () => ({}),
  updateDetection: () => ({ params: { id: 'mass_read' }, body: { threshold: 30_000 } }),
  createAlertWebhook: () => ({ body: { url: 'https://alerts.example.org/memoric' } }),
  listAlertWebhooks: () => ({}),
  deleteAlertWebhook: someId,
  rotateAlertWebhook: someId,
  testAlertWebhook: someId,
  getAlertMail: () => ({}),
  setAlertMail: () => ({ body: { addresses: ['security@example.org'] } }),
  listDeadLetters: () => ({ query: { limit: '2' } }),
  replayDeadLetter: someId,
  subscribeEvents: () => ({ query: { max_seconds: '1' } }),
  getAuditCheckpoint: () => ({}),
  getAuditProof: () => ({ params: { event_id: randomUUID() } }),
  getAuditProofFile: () => ({ params: { event_id: randomUUID() } }),
  getAuditConsistency: () => ({ query: { from: '1' } }),
  getAuditRetention: () => ({}),
  setAuditRetention: () => ({ body: { retention_days: null, legal_hold: false } }),
}

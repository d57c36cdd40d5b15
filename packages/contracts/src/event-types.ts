/** Every event that Memoric emits: `<entity>.<verb in the past tense>`, what it tells, and which app emits it. */
export const EVENT_TYPES = {
  'memory.created': { app: 'memory', resource: 'memory', summary: 'A memory was stored' },
  'memory.reinforced': {
    app: 'memory',
    resource: 'memory',
    summary: 'Content that was known already was stored again',
  },
  'memory.read': { app: 'memory', resource: 'memory', summary: 'A memory was read by its id' },
  'memory.listed': { app: 'memory', resource: 'memory', summary: 'A page of memories was read' },
  'memory.history_read': { app: 'memory', resource: 'memory', summary: 'The versions of a memory were read' },
  'memory.searched': { app: 'memory', resource: 'subject', summary: 'The memories of a subject were searched' },
  'memory.updated': { app: 'memory', resource: 'memory', summary: 'A memory got a new version' },
  'memory.deleted': { app: 'memory', resource: 'memory', summary: 'A memory was deleted with its history' },
  'auth.registered': { app: 'auth', resource: 'tenant', summary: 'A tenant and its owner were made' },
  'auth.login.succeeded': { app: 'auth', resource: 'session', summary: 'A user signed in' },
  'auth.login.failed': { app: 'auth', resource: 'user', summary: 'An attempt to sign in was refused' },
  'auth.token.refreshed': { app: 'auth', resource: 'session', summary: 'A refresh token was exchanged' },
  'auth.token.reused': {
    app: 'auth',
    resource: 'session',
    summary: 'A used refresh token came again; the session ended',
  },
  'auth.logged_out': { app: 'auth', resource: 'session', summary: 'A session was ended by its user' },
  'api_key.created': { app: 'auth', resource: 'api_key', summary: 'An API key was made' },
  'api_key.revoked': { app: 'auth', resource: 'api_key', summary: 'An API key was revoked' },
  'audit.read': { app: 'audit', resource: 'audit_log', summary: 'The audit log was read' },
} as const satisfies Record<string, { app: 'auth' | 'memory' | 'audit'; resource: string; summary: string }>

export type EventType = keyof typeof EVENT_TYPES

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENT_TYPES, type)
}

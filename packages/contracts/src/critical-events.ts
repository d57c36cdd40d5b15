import type { EventType } from './event-types.ts'

/**
 * Security-critical events: who may sign in and with what, what the rules are, what leaves, what is destroyed, who looks after it.
 * Each commits with what it tells of: when it cannot be written, the action fails and nothing has changed.
 */
export const CRITICAL_EVENTS = [
  'auth.registered',
  'auth.login.succeeded',
  'auth.token.refreshed',
  'auth.token.reused',
  'auth.token.issued',
  'auth.logged_out',
  'auth.session.revoked',
  'auth.password.changed',
  'auth.password.reset',
  'auth.email.verified',
  'auth.totp.enabled',
  'auth.totp.disabled',
  'auth.recovery_code.used',
  'api_key.created',
  'api_key.rotated',
  'api_key.revoked',
  'api_key.leaked',
  'user.created',
  'user.updated',
  'user.role_changed',
  'user.deactivated',
  'user.reactivated',
  'user.removed',
  'invitation.created',
  'invitation.accepted',
  'invitation.revoked',
  'sso.provider.created',
  'sso.provider.updated',
  'sso.provider.deleted',
  'tenant.updated',
  'tenant.suspended',
  'tenant.resumed',
  'incident.contained',
  'signing_key.rotated',
  'nats_user.created',
  'nats_user.removed',
  'memory.created',
  'memory.updated',
  'memory.deleted',
  'edit.approved',
  'edit.undone',
  'capsule.created',
  'capsule.revoked',
  'handoff.created',
  'handoff.corrected',
  'handoff.deleted',
  'policy.changed',
  'quota.changed',
  'key.rotation_started',
  'receipt_key.rotated',
  'export.requested',
  'export.downloaded',
  'consent.granted',
  'consent.withdrawn',
  'subject.erasure_started',
  'audit.read',
  'audit.export_started',
  'audit.dead_letters_read',
  'audit.key_rotated',
  'audit.retention_changed',
  'detection.changed',
  'alert.acknowledged',
  'alert.noted',
  'alert.closed',
  'alert_webhook.created',
  'alert_webhook.rotated',
  'alert_webhook.deleted',
  'alert_mail.changed',
  'alert_mail.confirmed',
] as const satisfies readonly EventType[]

export type CriticalEvent = (typeof CRITICAL_EVENTS)[number]

/** Events of the same weight that no request can fail with, and what holds for them instead. */
export const CRITICAL_ELSEWHERE: Readonly<Partial<Record<EventType, string>>> = {
  'auth.login.failed':
    'nothing changes but the count of attempts, which commits with it; the caller is refused whether it can be written or not',
  'key.rotated': 'in the background: the old key is destroyed with it, or both are tried again',
  'subject.erased':
    'in the background: the receipt is signed with it, or both are tried again; the answer is 202 until then',
  'personal_data.erasure_held':
    'in the background: written with the note that the key is held, or memory is not answered and asks again',
  'personal_data.erased': 'in the background: the key is destroyed with it, or memory is not answered and asks again',
  'export.made': 'in the background: the export can be downloaded once it is written, and is made again otherwise',
  'memory.imported':
    'a command of the operator, batch by batch: a batch is imported with it, or the command ends with an error',
  'audit.exported':
    'after the last byte, which nobody can take back; audit.export_started was written before the first',
  'audit.retention_run': 'in the background: the lines are dropped with it, or stay until the next day',
  'audit.dead_letters_dropped': 'in the background: the letters are dropped with it, or stay until the next day',
  'audit.dead_letter_replayed':
    'the log has the event first, which cannot be taken back; the letter counts as replayed with it only',
  'alert_webhook.tested': 'the test was posted first, which cannot be taken back; the answer says that it failed',
  'alert.raised': 'in the background: the alert is raised with it, or the log is followed again from there',
  'events.subscribed': 'told by the gateway, which has no database: it keeps it until auth takes it',
}

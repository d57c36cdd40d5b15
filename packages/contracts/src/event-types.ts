import type { Severity } from './severity.ts'

interface EventDescription {
  /** `every` app, or one. */
  readonly app: 'auth' | 'memory' | 'audit' | 'gateway' | 'every'
  readonly resource: string
  /** `info` when left out. */
  readonly severity?: Severity
  readonly summary: string
}

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
  'memory.deleted': {
    app: 'memory',
    resource: 'memory',
    severity: 'notice',
    summary: 'A memory was deleted with its history',
  },
  'memory.expired': { app: 'memory', resource: 'memory', summary: 'A memory was removed at the end of its time' },
  'context.made': {
    app: 'memory',
    resource: 'subject',
    summary: 'Memories were put together for a prompt; the details name them',
  },
  'cluster.listed': { app: 'memory', resource: 'subject', summary: 'A page of the clusters of a subject was read' },
  'cluster.rebuilt': {
    app: 'memory',
    resource: 'subject',
    summary: 'The clusters of a subject took in what has changed, or were built anew; the reason says which',
  },
  'tier.listed': { app: 'memory', resource: 'subject', summary: 'It was counted what is in each tier' },
  'thread.listed': {
    app: 'memory',
    resource: 'subject',
    summary: 'A page of the threads of a subject was read',
  },
  'thread.read': {
    app: 'memory',
    resource: 'thread',
    summary: 'A thread, or what is related to it, was read',
  },
  'thread.summarised': {
    app: 'memory',
    resource: 'thread',
    summary: 'The memories of a thread were read to summarise them',
  },
  'thread.renamed': {
    app: 'memory',
    resource: 'thread',
    summary: 'A thread got another title',
  },
  'thread.archived': {
    app: 'memory',
    resource: 'thread',
    severity: 'notice',
    summary: 'A thread was archived: its memories are found only when asked for',
  },
  'thread.unarchived': {
    app: 'memory',
    resource: 'thread',
    severity: 'notice',
    summary: 'A thread was taken out of the archive',
  },
  'thread.deleted': {
    app: 'memory',
    resource: 'thread',
    severity: 'notice',
    summary: 'All memories of a thread were deleted; each has an event of its own',
  },
  'handoff.created': { app: 'memory', resource: 'handoff', summary: 'A session was handed over' },
  'handoff.corrected': {
    app: 'memory',
    resource: 'handoff',
    severity: 'notice',
    summary: 'A handoff got a new version; the details say whether it changed who the subject is becoming',
  },
  'handoff.deleted': {
    app: 'memory',
    resource: 'handoff',
    severity: 'notice',
    summary: 'A handoff was deleted with its versions',
  },
  'handoff.read': {
    app: 'memory',
    resource: 'handoff',
    summary: 'A handoff, its versions or a page of handoffs was read',
  },
  'wake_up.made': {
    app: 'memory',
    resource: 'subject',
    summary: 'An agent woke up; the details name what it was told',
  },
  'identity.read': { app: 'memory', resource: 'subject', summary: 'A page of who a subject has become was read' },
  'person.updated': { app: 'memory', resource: 'person', summary: 'The names of a person were changed' },
  'person.read': { app: 'memory', resource: 'subject', summary: 'Names of persons were read' },
  'memory.promoted': { app: 'memory', resource: 'memory', summary: 'A memory was moved to a later tier by hand' },
  'memory.moved': {
    app: 'memory',
    resource: 'subject',
    summary: 'A policy moved memories of a subject to another tier; the details name them',
  },
  'memory.trimmed': {
    app: 'memory',
    resource: 'memory',
    summary: 'A policy cut the content of a memory; the version before is in its history',
  },
  'memory.summarised': {
    app: 'memory',
    resource: 'memory',
    summary: 'A policy made a summary; the details name the memories that it stands for',
  },
  'memory.summary_withdrawn': {
    app: 'memory',
    resource: 'memory',
    severity: 'notice',
    summary: 'A summary was deleted because a memory that it was made of was changed or deleted',
  },
  'memory.history_dropped': {
    app: 'memory',
    resource: 'subject',
    severity: 'notice',
    summary: 'A policy deleted replaced versions of memories of a subject; the details count them',
  },
  'policy.changed': {
    app: 'memory',
    resource: 'policy',
    severity: 'notice',
    summary: 'The policy of a tenant was replaced',
  },
  'policy.read': { app: 'memory', resource: 'policy', summary: 'The policy of a tenant, or its versions, were read' },
  'policy.previewed': {
    app: 'memory',
    resource: 'policy',
    summary: 'Somebody asked what a policy would do; nothing was changed',
  },
  'policy.run_started': {
    app: 'memory',
    resource: 'policy_run',
    severity: 'notice',
    summary: 'The policy of a tenant is carried out',
  },
  'policy.run_ended': {
    app: 'memory',
    resource: 'policy_run',
    severity: 'notice',
    summary: 'A run of the policy has ended; the details are its report, the outcome says whether it failed',
  },
  'quota.changed': { app: 'memory', resource: 'tenant', summary: 'A tenant got other quotas' },
  'embeddings.changed': { app: 'memory', resource: 'tenant', summary: 'Embeddings were turned on or off for a tenant' },
  'index.rebuilt': {
    app: 'memory',
    resource: 'subject',
    summary: 'Search segments could not be used, or new ones were asked for: they are built anew; the reason says why',
  },
  'key.rotation_started': {
    app: 'memory',
    resource: 'key',
    severity: 'notice',
    summary: 'The encryption key of a tenant or a subject got a new version',
  },
  'key.rotated': {
    app: 'memory',
    resource: 'key',
    severity: 'notice',
    summary: 'Everything is under the new version of a key, and the old one was destroyed',
  },
  'memory.imported': {
    app: 'memory',
    resource: 'subject',
    severity: 'notice',
    summary: 'Memories of a subject were imported by the operator; the details name them',
  },
  'export.requested': {
    app: 'memory',
    resource: 'export',
    severity: 'notice',
    summary: 'An export of a subject or of the tenant was asked for',
  },
  'export.made': { app: 'memory', resource: 'export', summary: 'An export can be downloaded' },
  'export.failed': {
    app: 'memory',
    resource: 'export',
    severity: 'warning',
    summary: 'An export could not be made; the reason says why',
  },
  'export.downloaded': {
    app: 'memory',
    resource: 'export',
    severity: 'notice',
    summary: 'Somebody began to download an export',
  },
  'export.expired': { app: 'memory', resource: 'export', summary: 'The time of an export is over; it is removed' },
  'subject.erasure_started': {
    app: 'memory',
    resource: 'subject',
    severity: 'warning',
    summary: 'The keys of a subject were destroyed; the rest of its erasure goes on',
  },
  'subject.erased': {
    app: 'memory',
    resource: 'subject',
    severity: 'notice',
    summary: 'Nothing of a subject is left, and the receipt was signed; the details count what there was',
  },
  'consent.granted': {
    app: 'memory',
    resource: 'subject',
    severity: 'notice',
    summary: 'A subject consented to a purpose',
  },
  'consent.withdrawn': {
    app: 'memory',
    resource: 'subject',
    severity: 'notice',
    summary: 'A subject withdrew its consent to a purpose',
  },
  'receipt_key.rotated': {
    app: 'memory',
    resource: 'receipt_key',
    severity: 'notice',
    summary: 'Receipts are signed with another key',
  },
  'personal_data.erased': {
    app: 'audit',
    resource: 'subject',
    severity: 'notice',
    summary: 'The keys of the personal data of an actor were destroyed',
  },
  'auth.registered': { app: 'auth', resource: 'tenant', summary: 'A tenant and its owner were made' },
  'auth.login.succeeded': { app: 'auth', resource: 'session', summary: 'A user signed in' },
  'auth.login.failed': {
    app: 'auth',
    resource: 'user',
    severity: 'notice',
    summary: 'An attempt to sign in was refused',
  },
  'auth.token.refreshed': { app: 'auth', resource: 'session', summary: 'A refresh token was exchanged' },
  'auth.token.reused': {
    app: 'auth',
    resource: 'session',
    severity: 'critical',
    summary: 'A used refresh token came again; the session ended',
  },
  'auth.logged_out': { app: 'auth', resource: 'session', summary: 'A session was ended by its user' },
  'auth.session.revoked': {
    app: 'auth',
    resource: 'session',
    severity: 'notice',
    summary: 'A session was ended otherwise than by signing out; the reason says why',
  },
  'auth.password.changed': {
    app: 'auth',
    resource: 'user',
    severity: 'notice',
    summary: 'A user changed the password',
  },
  'auth.password.reset_requested': {
    app: 'auth',
    resource: 'user',
    severity: 'notice',
    summary: 'A mail with a token for a new password was asked for',
  },
  'auth.password.reset': {
    app: 'auth',
    resource: 'user',
    severity: 'notice',
    summary: 'A password was set with the token of a mail',
  },
  'auth.email.verification_requested': {
    app: 'auth',
    resource: 'user',
    summary: 'A mail that proves an address was asked for',
  },
  'auth.email.verified': { app: 'auth', resource: 'user', summary: 'An e-mail address was proven' },
  'auth.totp.enrolled': {
    app: 'auth',
    resource: 'user',
    summary: 'An authenticator app was set up, and is not in use yet',
  },
  'auth.totp.enabled': {
    app: 'auth',
    resource: 'user',
    severity: 'notice',
    summary: 'An authenticator app was confirmed',
  },
  'auth.totp.disabled': {
    app: 'auth',
    resource: 'user',
    severity: 'warning',
    summary: 'An authenticator app was taken out of use',
  },
  'auth.recovery_code.used': {
    app: 'auth',
    resource: 'user',
    severity: 'notice',
    summary: 'A recovery code was used in the place of a code',
  },
  'auth.token.issued': { app: 'auth', resource: 'api_key', summary: 'An access token was issued for an API key' },
  'auth.token.rejected': {
    app: 'gateway',
    resource: 'session',
    severity: 'notice',
    summary: 'An access token was refused',
  },
  'auth.key.rejected': { app: 'gateway', resource: 'api_key', severity: 'notice', summary: 'An API key was refused' },
  'authz.denied': {
    app: 'gateway',
    resource: 'route',
    severity: 'notice',
    summary: 'A caller was refused what it asked for',
  },
  'rate_limit.exceeded': {
    app: 'gateway',
    resource: 'route',
    severity: 'notice',
    summary: 'A caller sent more requests than it may',
  },
  'request.refused': {
    app: 'gateway',
    resource: 'route',
    severity: 'notice',
    summary: 'A request was refused for what it is or asks for; the reason says why',
  },
  'refusals.dropped': {
    app: 'gateway',
    resource: 'route',
    severity: 'notice',
    summary: 'More was refused than could be told one by one; the details count it',
  },
  'api_key.created': { app: 'auth', resource: 'api_key', severity: 'notice', summary: 'An API key was made' },
  'api_key.rotated': {
    app: 'auth',
    resource: 'api_key',
    severity: 'notice',
    summary: 'An API key was replaced by another',
  },
  'api_key.revoked': { app: 'auth', resource: 'api_key', severity: 'notice', summary: 'An API key was revoked' },
  'api_key.leaked': {
    app: 'auth',
    resource: 'api_key',
    severity: 'critical',
    summary: 'An API key was reported as found in the open, and revoked',
  },
  'user.created': { app: 'auth', resource: 'user', severity: 'notice', summary: 'A member was added' },
  'user.updated': { app: 'auth', resource: 'user', severity: 'notice', summary: 'A member was changed' },
  'user.role_changed': { app: 'auth', resource: 'user', severity: 'warning', summary: 'A member got another role' },
  'user.deactivated': { app: 'auth', resource: 'user', severity: 'notice', summary: 'A member was deactivated' },
  'user.reactivated': { app: 'auth', resource: 'user', severity: 'notice', summary: 'A member was reactivated' },
  'user.removed': { app: 'auth', resource: 'user', severity: 'notice', summary: 'A member was removed' },
  'invitation.created': { app: 'auth', resource: 'invitation', severity: 'notice', summary: 'A person was invited' },
  'invitation.accepted': {
    app: 'auth',
    resource: 'invitation',
    severity: 'notice',
    summary: 'An invited person became a member',
  },
  'invitation.revoked': { app: 'auth', resource: 'invitation', summary: 'An invitation was taken back' },
  'sso.provider.created': {
    app: 'auth',
    resource: 'sso_provider',
    severity: 'warning',
    summary: 'An identity provider was added',
  },
  'sso.provider.updated': {
    app: 'auth',
    resource: 'sso_provider',
    severity: 'warning',
    summary: 'The settings of an identity provider were changed',
  },
  'sso.provider.deleted': {
    app: 'auth',
    resource: 'sso_provider',
    severity: 'warning',
    summary: 'An identity provider was removed',
  },
  'tenant.updated': {
    app: 'auth',
    resource: 'tenant',
    severity: 'notice',
    summary: 'The name or the settings of a tenant were changed',
  },
  'tenant.suspended': { app: 'auth', resource: 'tenant', severity: 'critical', summary: 'A tenant was suspended' },
  'tenant.resumed': { app: 'auth', resource: 'tenant', severity: 'notice', summary: 'A suspended tenant was resumed' },
  'incident.contained': {
    app: 'auth',
    resource: 'tenant',
    severity: 'critical',
    summary: 'A tenant, a user or an API key was stopped at once',
  },
  'signing_key.rotated': {
    app: 'auth',
    resource: 'signing_key',
    severity: 'notice',
    summary: 'Access tokens are signed with another key',
  },
  'audit.read': { app: 'audit', resource: 'audit_log', severity: 'notice', summary: 'The audit log was read' },
  'audit.export_started': {
    app: 'audit',
    resource: 'audit_log',
    severity: 'notice',
    summary: 'An export of the audit log began; the details count the lines that it covers',
  },
  'audit.exported': {
    app: 'audit',
    resource: 'audit_log',
    severity: 'notice',
    summary: 'An export of the audit log ended; the details count the lines that were sent, and say whether all were',
  },
  'audit.key_rotated': {
    app: 'audit',
    resource: 'audit_key',
    severity: 'warning',
    summary: 'Checkpoints of the log are signed with another key',
  },
  'audit.retention_changed': {
    app: 'audit',
    resource: 'audit_log',
    severity: 'warning',
    summary: 'How long the lines of a tenant are kept was changed, or a legal hold was set or lifted',
  },
  'audit.retention_run': {
    app: 'audit',
    resource: 'audit_log',
    severity: 'warning',
    summary: 'Lines whose time is over were dropped; the details say which',
  },
  'alert.raised': { app: 'audit', resource: 'alert', severity: 'warning', summary: 'A detection has fired' },
  'alert.acknowledged': {
    app: 'audit',
    resource: 'alert',
    severity: 'notice',
    summary: 'Somebody looks after an alert',
  },
  'alert.closed': { app: 'audit', resource: 'alert', severity: 'notice', summary: 'An alert was closed' },
  'detection.changed': {
    app: 'audit',
    resource: 'detection',
    severity: 'warning',
    summary: 'The threshold or the window of a detection was changed, or it was switched on or off',
  },
  'alert_webhook.created': {
    app: 'audit',
    resource: 'alert_webhook',
    severity: 'warning',
    summary: 'Alerts go to another webhook from now on',
  },
  'alert_webhook.rotated': {
    app: 'audit',
    resource: 'alert_webhook',
    severity: 'notice',
    summary: 'The secret of a webhook was replaced',
  },
  'alert_webhook.deleted': {
    app: 'audit',
    resource: 'alert_webhook',
    severity: 'warning',
    summary: 'A webhook gets no alerts any more',
  },
  'alert_mail.changed': {
    app: 'audit',
    resource: 'alert_mail',
    severity: 'warning',
    summary: 'Who gets alerts by mail was changed',
  },
  'audit.event_rejected': {
    app: 'audit',
    resource: 'dead_letter',
    severity: 'critical',
    summary: 'A message could not enter the log and was kept as a dead letter; the reason says why',
  },
  'audit.dead_letters_read': {
    app: 'audit',
    resource: 'dead_letter',
    severity: 'notice',
    summary: 'The dead letters of a tenant were listed',
  },
  'audit.dead_letter_replayed': {
    app: 'audit',
    resource: 'dead_letter',
    severity: 'warning',
    summary: 'A dead letter was given to the log once more; the outcome says whether it is in it now',
  },
  'audit.difference_found': {
    app: 'audit',
    resource: 'audit_log',
    severity: 'critical',
    summary: 'The log has more or fewer events of an hour than the app that wrote them has counted',
  },
  'events.subscribed': {
    app: 'gateway',
    resource: 'event_stream',
    severity: 'notice',
    summary: 'Somebody began to follow the events of a tenant as they happen',
  },
  'nats_user.created': {
    app: 'auth',
    resource: 'nats_user',
    severity: 'warning',
    summary: 'The operator gave somebody outside a user of NATS that hears the events of a tenant',
  },
  'nats_user.removed': {
    app: 'auth',
    resource: 'nats_user',
    severity: 'notice',
    summary: 'A user of NATS that heard the events of a tenant was removed',
  },
  'system.started': { app: 'every', resource: 'app', severity: 'notice', summary: 'A process of an app has started' },
  'system.stopped': {
    app: 'every',
    resource: 'app',
    severity: 'notice',
    summary: 'A process of an app ends as it should; one that is killed tells nothing',
  },
  'system.migrated': {
    app: 'every',
    resource: 'app',
    severity: 'warning',
    summary: 'The database of an app was migrated since its last start; the details name the migrations',
  },
  'system.configuration_changed': {
    app: 'every',
    resource: 'app',
    severity: 'warning',
    summary: 'Variables of an app are others than at its last start; the details name them, never their values',
  },
} as const satisfies Record<string, EventDescription>

export type EventType = keyof typeof EVENT_TYPES

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENT_TYPES, type)
}

const described: Readonly<Record<string, EventDescription>> = EVENT_TYPES

/** How much attention an event asks for; `info` for a type that is not known. */
export function severityOf(type: string): Severity {
  return (Object.hasOwn(described, type) ? described[type]?.severity : undefined) ?? 'info'
}

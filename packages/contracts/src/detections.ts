import { z } from 'zod'
import type { EventType } from './event-types.ts'
import type { Severity } from './severity.ts'
import type { TenantSettings } from './tenant-contract.ts'

/** Which events a detection looks at. */
export interface Match {
  readonly on: readonly EventType[] | '*'
  /** Only with one of these statuses. */
  readonly status?: readonly number[]
  /** Only where this detail is one of the texts, or a list that has one of them. */
  readonly detail?: { readonly name: string; readonly anyOf: readonly string[] }
  /** Only by actors of these types. */
  readonly actors?: readonly string[]
}

/**
 * How a detection decides. `by` says what it groups events by: an account (its user id, or the e-mail where there is none), an
 * address, an actor, the tenant.
 */
export type Pattern =
  | {
      readonly kind: 'count'
      readonly of: readonly Match[]
      readonly by: 'account' | 'actor'
      /** What of an event is counted: itself, the records that it gave, or the requests that it stands for. */
      readonly each: 'event' | 'record' | 'request'
    }
  | { readonly kind: 'distinct'; readonly of: readonly Match[]; readonly by: 'address' | 'tenant' }
  | { readonly kind: 'after'; readonly of: readonly Match[]; readonly then: readonly Match[]; readonly by: 'account' }
  | { readonly kind: 'each'; readonly of: readonly Match[]; readonly by: 'actor' }
  | { readonly kind: 'new_address'; readonly of: readonly Match[]; readonly by: 'actor' }
  | { readonly kind: 'dormant'; readonly of: readonly Match[]; readonly by: 'actor' }
  | { readonly kind: 'far_time'; readonly of: readonly Match[]; readonly by: 'actor' }
  | { readonly kind: 'unusual_hour'; readonly of: readonly Match[]; readonly by: 'actor' }

interface Bounds {
  readonly standard: number
  readonly min: number
  readonly max: number
}

/** One thing that is noticed. */
export interface Detection {
  readonly name: string
  /** What it means, in one sentence. */
  readonly meaning: string
  readonly severity: Severity
  /** Where the idea comes from. */
  readonly sources: readonly string[]
  readonly pattern: Pattern
  /** From how many on, and of what; null where one is enough. */
  readonly threshold: (Bounds & { readonly unit: string }) | null
  /** Seconds within which they come, and within which the same alert grows instead of being raised again. */
  readonly window: Bounds
}

const HOUR = 3600
const DAY = 24 * HOUR
const window = (standard: number): Bounds => ({ standard, min: 60, max: DAY })

const failedSignIns: readonly Match[] = [{ on: ['auth.login.failed'] }]
/** Whatever gives the content of memories. */
const readsOfContent: readonly EventType[] = [
  'memory.read',
  'memory.listed',
  'memory.history_read',
  'memory.searched',
  'context.made',
  'wake_up.made',
  'edge.traversed',
  'thread.summarised',
  'capsule.opened',
  'handoff.read',
  'knowledge.read',
  'decision.read',
  'task.read',
  'identity.read',
]
/** Settings of a tenant that protect it. */
const protections: readonly (keyof TenantSettings)[] = [
  'password_min_length',
  'session_lifetime_days',
  'session_idle_minutes',
  'sessions_per_user',
  'totp_required',
  'sso_required',
  'ip_allow',
  'api_key_default_days',
  'api_key_max_days',
  'consent_required',
]
const anythingByKey: readonly Match[] = [{ on: '*', actors: ['api_key'] }]

/** Everything that is noticed, by its id. */
export const DETECTIONS = {
  failed_sign_ins: {
    name: 'Failed sign-ins to one account',
    meaning: 'Somebody guesses the password of an account.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1110.001', 'OWASP ASVS 5.0 16.3.1'],
    pattern: { kind: 'count', of: failedSignIns, by: 'account', each: 'request' },
    threshold: { standard: 6, min: 3, max: 1000, unit: 'failed sign-ins' },
    window: window(900),
  },
  password_spray: {
    name: 'Failed sign-ins to many accounts from one address',
    meaning: 'Somebody tries few passwords at many accounts, or passwords that leaked elsewhere.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1110.003', 'MITRE ATT&CK T1110.004'],
    pattern: { kind: 'distinct', of: failedSignIns, by: 'address' },
    threshold: { standard: 10, min: 3, max: 200, unit: 'accounts' },
    window: window(HOUR),
  },
  spread_password_spray: {
    name: 'Failed sign-ins to many accounts of the tenant',
    meaning: 'The same from many addresses, so that none of them stands out.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1110.003'],
    pattern: { kind: 'distinct', of: failedSignIns, by: 'tenant' },
    threshold: { standard: 30, min: 5, max: 200, unit: 'accounts' },
    window: window(HOUR),
  },
  sign_in_after_failures: {
    name: 'A sign-in after many failures',
    meaning: 'Guessing a password may have succeeded.',
    severity: 'critical',
    sources: ['MITRE ATT&CK T1110', 'MITRE ATT&CK T1078'],
    pattern: { kind: 'after', of: failedSignIns, then: [{ on: ['auth.login.succeeded'] }], by: 'account' },
    threshold: { standard: 5, min: 2, max: 1000, unit: 'failed sign-ins before it' },
    window: window(HOUR),
  },
  mass_read: {
    name: 'Very many memories read',
    meaning: 'A user or a key copies what it can read.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1530', 'OWASP API Security 2023 API6'],
    pattern: {
      kind: 'count',
      of: [{ on: readsOfContent, actors: ['user', 'api_key'] }],
      by: 'actor',
      each: 'record',
    },
    threshold: { standard: 20_000, min: 10, max: 100_000_000, unit: 'memories' },
    window: window(HOUR),
  },
  mass_export: {
    name: 'Several exports',
    meaning: 'A user or a key takes data out in bulk.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1567', 'MITRE ATT&CK T1074'],
    pattern: {
      kind: 'count',
      of: [{ on: ['audit.export_started', 'export.requested', 'export.downloaded'] }],
      by: 'actor',
      each: 'event',
    },
    threshold: { standard: 5, min: 1, max: 10_000, unit: 'exports and downloads of them' },
    window: window(HOUR),
  },
  mass_deletion: {
    name: 'Very many memories deleted',
    meaning: 'A user or a key destroys data, or hides what it did.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1485', 'MITRE ATT&CK T1070'],
    pattern: {
      kind: 'count',
      of: [{ on: ['memory.deleted'], actors: ['user', 'api_key'] }],
      by: 'actor',
      each: 'event',
    },
    threshold: { standard: 500, min: 5, max: 10_000_000, unit: 'deleted memories' },
    window: window(HOUR),
  },
  mass_erasure: {
    name: 'Several subjects erased',
    meaning: 'A user or a key destroys all that there is of persons, which nobody can bring back.',
    severity: 'critical',
    sources: ['MITRE ATT&CK T1485'],
    pattern: { kind: 'count', of: [{ on: ['subject.erasure_started'] }], by: 'actor', each: 'event' },
    threshold: { standard: 20, min: 1, max: 1_000_000, unit: 'erased subjects' },
    window: window(HOUR),
  },
  foreign_ids: {
    name: 'Many requests for ids of others',
    meaning: 'A user or a key tries ids that it may not see, or that are not in its tenant.',
    severity: 'warning',
    sources: ['OWASP API Security 2023 API1', 'MITRE ATT&CK T1087'],
    pattern: {
      kind: 'count',
      of: [{ on: ['authz.denied', 'request.refused'], status: [403, 404], actors: ['user', 'api_key'] }],
      by: 'actor',
      each: 'request',
    },
    threshold: { standard: 20, min: 3, max: 1_000_000, unit: 'refused requests' },
    window: window(600),
  },
  privilege_change: {
    name: 'More rights',
    meaning: 'Somebody got rights over the tenant, or another way in was opened.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1098', 'MITRE ATT&CK T1136'],
    pattern: {
      kind: 'each',
      of: [
        { on: ['user.role_changed', 'sso.provider.created', 'sso.provider.updated'] },
        {
          on: ['user.created', 'invitation.created', 'invitation.accepted'],
          detail: { name: 'role', anyOf: ['owner', 'admin'] },
        },
        {
          on: ['api_key.created'],
          detail: { name: 'scopes', anyOf: ['admin:*', 'users:manage', 'keys:manage', 'privacy:export'] },
        },
      ],
      by: 'actor',
    },
    threshold: null,
    window: window(HOUR),
  },
  audit_setting_change: {
    name: 'Auditing was changed',
    meaning: 'What is logged, noticed or told is no longer what it was.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1562.008', 'OWASP ASVS 5.0 16.4.2'],
    pattern: {
      kind: 'each',
      of: [
        {
          on: [
            'detection.changed',
            'alert_webhook.created',
            'alert_webhook.rotated',
            'alert_webhook.deleted',
            'alert_mail.changed',
            'audit.retention_changed',
            'nats_user.created',
          ],
        },
        { on: ['tenant.updated'], detail: { name: 'changed', anyOf: ['audit_reads'] } },
      ],
      by: 'actor',
    },
    threshold: null,
    window: window(HOUR),
  },
  loosened_settings: {
    name: 'Rules of the tenant were loosened',
    meaning: 'Somebody made it easier to come in, to stay in, or to keep what nobody consented to.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1556', 'MITRE ATT&CK T1562'],
    pattern: {
      kind: 'each',
      of: [{ on: ['tenant.updated'], detail: { name: 'loosened', anyOf: protections } }],
      by: 'actor',
    },
    threshold: null,
    window: window(HOUR),
  },
  log_fault: {
    name: 'The log differs from what was sent to it',
    meaning:
      'Events are missing from the log, or came that are none: a fault, or somebody who forges or withholds them.',
    severity: 'critical',
    sources: ['MITRE ATT&CK T1562.008', 'MITRE ATT&CK T1565.001'],
    pattern: { kind: 'each', of: [{ on: ['audit.difference_found', 'audit.event_rejected'] }], by: 'actor' },
    threshold: null,
    window: window(HOUR),
  },
  far_time: {
    name: 'An event of a time far from when it came',
    meaning: 'A clock is wrong, events waited for very long, or somebody makes up when something happened.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1565.001'],
    pattern: { kind: 'far_time', of: [{ on: '*' }], by: 'actor' },
    threshold: { standard: 8, min: 1, max: 365, unit: 'days late, or a day early' },
    window: window(HOUR),
  },
  stolen_credential: {
    name: 'A credential in the hands of another',
    meaning: 'A used refresh token came again, or an API key was found in the open.',
    severity: 'critical',
    sources: ['MITRE ATT&CK T1528', 'RFC 9700 section 4.14'],
    pattern: { kind: 'each', of: [{ on: ['auth.token.reused', 'api_key.leaked'] }], by: 'actor' },
    threshold: null,
    window: window(HOUR),
  },
  new_key_address: {
    name: 'An API key used from a new address',
    meaning: 'A key that was used from known addresses only is used from another.',
    severity: 'notice',
    sources: ['MITRE ATT&CK T1078.004'],
    pattern: { kind: 'new_address', of: anythingByKey, by: 'actor' },
    threshold: null,
    window: window(HOUR),
  },
  dormant_key: {
    name: 'A dormant API key was used',
    meaning: 'A key that nobody used for long is used again.',
    severity: 'warning',
    sources: ['MITRE ATT&CK T1078.004'],
    pattern: { kind: 'dormant', of: anythingByKey, by: 'actor' },
    threshold: { standard: 60, min: 1, max: 365, unit: 'days without use' },
    window: window(HOUR),
  },
  unusual_hour: {
    name: 'A sign-in at an unusual hour',
    meaning: 'A user signs in at an hour of the day (UTC) at which, and around which, this never happened.',
    severity: 'info',
    sources: ['MITRE ATT&CK T1078'],
    pattern: { kind: 'unusual_hour', of: [{ on: ['auth.login.succeeded'] }], by: 'actor' },
    threshold: { standard: 14, min: 3, max: 90, unit: 'days with sign-ins known before' },
    window: window(HOUR),
  },
} as const satisfies Record<string, Detection>

export type DetectionId = keyof typeof DETECTIONS

export const DETECTION_IDS = Object.keys(DETECTIONS) as [DetectionId, ...DetectionId[]]
export const detectionId = z.enum(DETECTION_IDS)

/** A detection by its id, as what all have in common. */
export function detectionOf(id: DetectionId): Detection {
  return DETECTIONS[id]
}

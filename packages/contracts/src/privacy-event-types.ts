import type { EventDescription } from './event-description.ts'

/** Erasure, exports, consents and the keys of subjects. */
export const PRIVACY_EVENTS = {
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
  'personal_data.erasure_held': {
    app: 'audit',
    resource: 'subject',
    severity: 'warning',
    summary: 'The keys of the personal data of an actor wait for the end of a legal hold before they are destroyed',
  },
  'personal_data.erased': {
    app: 'audit',
    resource: 'subject',
    severity: 'notice',
    summary: 'The keys of the personal data of an actor were destroyed',
  },
} as const satisfies Record<string, EventDescription>

import { z } from 'zod'
import { erasureId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import type { Route } from './route.ts'
import { identifier, jsonValue, timestamp, utf8Length } from './text.ts'

const subjectParams = z.strictObject({ id: identifier.describe('subject_id') })

/** What an erasure waits for, in this order. */
export const erasureStep = z.enum(['rows', 'processes', 'log', 'receipt', 'done'])
export type ErasureStep = z.infer<typeof erasureStep>

export const erasure = z
  .object({
    id: erasureId,
    subject_id: z.string(),
    state: z.enum(['running', 'done']),
    step: erasureStep.describe('what is being done: the keys are destroyed before the first of them'),
    keys_destroyed: z.int().describe('versions of the key of the subject'),
    counts: z.record(z.string(), z.int()).describe('rows that were deleted, by table'),
    log_held: z
      .boolean()
      .describe(
        'whether a legal hold keeps the personal data of the person in the audit log; it goes when the hold ends',
      ),
    requested_at: timestamp,
    finished_at: timestamp.nullable(),
    receipt: z.string().nullable().describe('signed note (C2SP); null until everything is done'),
  })
  .meta({ id: 'Erasure' })
export type Erasure = z.input<typeof erasure>

/** The purpose that covers storing and searching the memories of a subject. */
export const MEMORY_PURPOSE = 'memory'
export const CONSENT_EVIDENCE_BYTES = 4096

/** What consent is given for: `memory`, or a word of the tenant. */
export const consentPurpose = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'must be 1 to 64 letters, digits, - and _' })

const evidence = jsonValue
  .refine((value) => utf8Length(JSON.stringify(value)) <= CONSENT_EVIDENCE_BYTES, {
    error: `must have at most ${CONSENT_EVIDENCE_BYTES} bytes as JSON`,
  })
  .describe('how it is known: a text or any JSON, at most 4 KiB; sealed under the key of the subject')

export const putConsentBody = z
  .strictObject({
    purpose: consentPurpose,
    status: z.enum(['granted', 'withdrawn']),
    evidence: evidence.nullable().optional(),
    granted_at: timestamp.optional().describe('when the subject agreed, not in the future; now when left out'),
    expires_at: timestamp.nullable().optional().describe('in the future; without an end when left out'),
  })
  .refine(({ status, granted_at, expires_at }) => status === 'granted' || (granted_at ?? expires_at ?? null) === null, {
    error: 'granted_at and expires_at are for consent that is granted',
  })
  .meta({ id: 'PutConsent' })
export type PutConsent = z.output<typeof putConsentBody>

export const consent = z
  .object({
    purpose: z.string(),
    version: z.int().describe('1, 2, 3 ... of this purpose; the highest one holds'),
    status: z.enum(['granted', 'withdrawn']),
    is_valid: z.boolean().describe('whether it is the one that holds, is granted, and has not expired'),
    evidence: jsonValue.nullable(),
    granted_at: timestamp.nullable(),
    expires_at: timestamp.nullable(),
    recorded_at: timestamp,
    recorded_by: z.string().describe('<type>:<id>'),
  })
  .meta({ id: 'Consent' })
export type Consent = z.input<typeof consent>

export const listConsentsQuery = z.strictObject({
  ...pageQuery,
  purpose: consentPurpose.optional(),
  history: z.enum(['true', 'false']).default('false').describe('whether to list what was replaced, too'),
})
export type ListConsentsQuery = z.output<typeof listConsentsQuery>

/** Erasure of subjects and their consents. */
export const privacyRoutes = {
  eraseSubject: {
    method: 'DELETE',
    path: '/v1/privacy/subjects/:id',
    app: 'memory',
    access: 'privacy:erase',
    rate: 'write',
    summary: 'Erase everything of a subject',
    description:
      'The keys of the subject are destroyed before anything else. 200 with the signed receipt when everything is done, 202 while it goes on in the background. Again within 24 hours: the same erasure, unless there is something new to erase.',
    params: subjectParams,
    responses: { 200: erasure, 202: erasure },
  },
  getErasure: {
    method: 'GET',
    path: '/v1/privacy/erasures/:id',
    app: 'memory',
    access: 'privacy:erase',
    rate: 'read',
    summary: 'How far an erasure has come, and its receipt',
    params: z.strictObject({ id: erasureId }),
    responses: { 200: erasure },
  },
  listConsents: {
    method: 'GET',
    path: '/v1/privacy/subjects/:id/consents',
    app: 'memory',
    access: 'privacy:export',
    rate: 'read',
    summary: 'What a subject consented to, by purpose; with history newest first',
    params: subjectParams,
    query: listConsentsQuery,
    responses: { 200: page(consent) },
  },
  putConsent: {
    method: 'PUT',
    path: '/v1/privacy/subjects/:id/consents',
    app: 'memory',
    access: 'privacy:erase',
    rate: 'write',
    summary: 'Record that a subject consents to a purpose, or withdraws consent',
    description:
      'Withdrawing consent to the purpose memory stops writing and reading of the memories of the subject at once. The same again changes nothing.',
    params: subjectParams,
    body: putConsentBody,
    responses: { 200: consent },
  },
} as const satisfies Record<string, Route>

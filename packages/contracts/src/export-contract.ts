import { z } from 'zod'
import { exportId } from './ids.ts'
import { byteStream, type Route } from './route.ts'
import { identifier, timestamp } from './text.ts'

/** An X25519 recipient of age (https://age-encryption.org/v1); its check sum is looked at where it is used. */
export const ageRecipient = z.string().regex(/^age1[ac-hj-np-z02-9]{58}$/, {
  error: 'must be an X25519 recipient of age, age1 and 58 characters',
})

export const startExportBody = z
  .strictObject({
    subject_id: identifier
      .optional()
      .describe('whose memories; the whole tenant when left out, for which a credential without limits is needed'),
    age_recipient: ageRecipient.optional().describe('public key of age that downloads are encrypted to'),
  })
  .meta({ id: 'StartExport' })

export const EXPORT_STATES = ['waiting', 'running', 'made', 'failed', 'expired'] as const

export const memoryExport = z
  .object({
    id: exportId,
    subject_id: z.string().nullable().describe('null for the whole tenant'),
    age_recipient: z.string().nullable(),
    state: z.enum(EXPORT_STATES),
    total: z.int().nullable().describe('memories that there were when it began; null until then'),
    done: z.int().describe('memories that are in it'),
    counts: z.record(z.string(), z.int()).describe('lines by their kind, of what is finished'),
    created_at: timestamp,
    made_at: timestamp.nullable(),
    expires_at: timestamp.nullable().describe('it can be downloaded until then'),
  })
  .meta({ id: 'Export' })
export type MemoryExport = z.infer<typeof memoryExport>

const idParams = z.strictObject({ id: exportId })

/** Taking along everything that is stored of a subject or of the tenant. */
export const exportRoutes = {
  startExport: {
    method: 'POST',
    path: '/v1/privacy/exports',
    app: 'memory',
    access: 'privacy:export',
    rate: 'write',
    summary: 'Ask for everything that is stored of a subject or of the tenant',
    description: 'It is made in the background. Ask for its state, then download it within the time that it is kept.',
    body: startExportBody,
    responses: { 202: memoryExport },
  },
  getExport: {
    method: 'GET',
    path: '/v1/privacy/exports/:id',
    app: 'memory',
    access: 'privacy:export',
    rate: 'read',
    summary: 'How far an export has come',
    params: idParams,
    responses: { 200: memoryExport },
  },
  downloadExport: {
    method: 'GET',
    path: '/v1/privacy/exports/:id/download',
    app: 'memory',
    access: 'privacy:export',
    rate: 'read',
    summary: 'The lines of an export (NDJSON), or a file of age where a recipient was named',
    params: idParams,
    stream: ['application/x-ndjson', 'application/octet-stream'],
    responses: { 200: byteStream },
  },
} as const satisfies Record<string, Route>

import { z } from 'zod'
import { keyRotationId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import type { Route } from './route.ts'
import { identifier, timestamp } from './text.ts'

export const startKeyRotationBody = z
  .strictObject({
    subject_id: identifier.optional().describe('only the key of this subject; the key of the tenant when left out'),
  })
  .meta({ id: 'StartKeyRotation' })

export const keyRotation = z
  .object({
    id: keyRotationId,
    subject_id: z.string().nullable(),
    to_version: z.int().describe('version of the key that takes over'),
    state: z.enum(['running', 'done']),
    total: z.int().describe('what was to be wrapped or sealed anew when it began: subject keys, or memories'),
    done: z.int(),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
  })
  .meta({ id: 'KeyRotation' })

export type KeyRotation = z.infer<typeof keyRotation>

/** Encryption keys of the tenant and of its subjects. */
export const keyRoutes = {
  startKeyRotation: {
    method: 'POST',
    path: '/v1/keys/rotations',
    app: 'memory',
    access: 'admin:*',
    rate: 'write',
    summary: 'Begin to replace the encryption key of the tenant or of a subject',
    description:
      'New writes use the new version at once. What the old one wrapped or sealed is done anew in the background, then the old version is destroyed.',
    body: startKeyRotationBody,
    responses: { 202: keyRotation },
  },
  listKeyRotations: {
    method: 'GET',
    path: '/v1/keys/rotations',
    app: 'memory',
    access: 'admin:*',
    rate: 'read',
    summary: 'List rotations of encryption keys, newest first',
    query: z.strictObject(pageQuery),
    responses: { 200: page(keyRotation) },
  },
  getKeyRotation: {
    method: 'GET',
    path: '/v1/keys/rotations/:id',
    app: 'memory',
    access: 'admin:*',
    rate: 'read',
    summary: 'How far a rotation has come',
    params: z.strictObject({ id: keyRotationId }),
    responses: { 200: keyRotation },
  },
} as const satisfies Record<string, Route>

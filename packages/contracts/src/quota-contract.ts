import { z } from 'zod'
import type { Route } from './route.ts'
import { identifier } from './text.ts'

/** What quotas are on. `memories` counts them, `bytes` is their size at rest with their replaced versions. */
export const QUOTAS = ['subject.memories', 'subject.bytes', 'tenant.memories', 'tenant.bytes'] as const
export type QuotaName = (typeof QUOTAS)[number]

const share = z.object({ used: z.int(), limit: z.int() }).meta({ id: 'QuotaShare' })
const shares = { memories: share, bytes: share.describe('at rest, sealed, with replaced versions') }

export const quotas = z
  .object({
    subject: z.object({ subject_id: z.string(), ...shares }),
    tenant: z
      .object(shares)
      .nullable()
      .describe('null for a credential that is limited to some subjects or namespaces; may be some seconds old'),
  })
  .meta({ id: 'Quotas' })
export type Quotas = z.infer<typeof quotas>

export const quotaRoutes = {
  getQuotas: {
    method: 'GET',
    path: '/v1/quotas',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'How much a subject and the tenant store, and how much they may',
    query: z.strictObject({ subject_id: identifier.optional() }),
    responses: { 200: quotas },
  },
} as const satisfies Record<string, Route>

import { z } from 'zod'
import { erasureId, tenantId, uuid } from './ids.ts'

/** Signal of auth to every gateway: cached grants that end at once, named by grant, by principal or by tenant. */
export const revocation = z.object({ ids: z.array(z.string()).min(1) })
export type Revocation = z.infer<typeof revocation>

/** Signal of audit to an app: events that are in the log, so that they leave its outbox. */
export const confirmation = z.object({ ids: z.array(z.string()) })

/** Signal of auth to every gateway: the published signing keys are others now. */
export const signingKeysChanged = z.object({ kids: z.array(z.string()) })

/** Signal of memory to every memory: wipe the unwrapped keys and the index of a subject, and confirm the forgetting in the database. */
export const forgetSubject = z.object({ id: uuid, tenantId, subjectId: z.string() })
export type ForgetSubject = z.infer<typeof forgetSubject>

/** Signal of memory to every memory: the policy of a tenant is another one now. */
export const policyChanged = z.object({ tenantId })

/** Question of memory to audit, asked until it is answered: destroy the keys of what the log knows of a person up to `until`. */
export const erasePerson = z.object({
  erasureId,
  tenantId,
  subjectId: z.string(),
  until: z.number().describe('ms since the epoch'),
})
export type ErasePerson = z.infer<typeof erasePerson>

/** The answer, the same however often it is asked for, until a legal hold ends: while `held` the keys wait for that. */
export const personErased = z.object({ erasureId, tenantId, keys: z.int(), held: z.boolean().default(false) })
export type PersonErased = z.infer<typeof personErased>

/** Question of audit to an app: how many events of an hour have left your outbox? For tenants with an id above `after`. */
export const countQuestion = z.object({ hour: z.int().describe('hours since 1970 (UTC)'), after: z.string() })
export type CountQuestion = z.infer<typeof countQuestion>

/** The answer; as many tenants as were asked for at most mean that there may be more. */
export const countAnswer = z.object({
  since: z.int().describe('counting began within this hour'),
  waiting: z.int().describe('events of the hour that are in the outbox still'),
  counts: z.array(z.object({ tenantId: z.string(), events: z.int(), idSum: z.string().regex(/^\d{1,64}$/) })),
})
export type CountAnswer = z.infer<typeof countAnswer>

/** Tenants of one answer, so that it stays below what a message may have. */
export const COUNTED_TENANTS = 2_000

import { z } from 'zod'

/** Signal of auth to every gateway: cached grants that end at once, named by grant, by principal or by tenant. */
export const revocation = z.object({ ids: z.array(z.string()).min(1) })
export type Revocation = z.infer<typeof revocation>

/** Signal of audit to an app: events that are in the log, so that they leave its outbox. */
export const confirmation = z.object({ ids: z.array(z.string()) })

/** Signal of auth to every gateway: the published signing keys are others now. */
export const signingKeysChanged = z.object({ kids: z.array(z.string()) })

import { z } from 'zod'

/** Ids are UUIDs in lower case; those that Memoric makes are UUIDv7 (RFC 9562), so they sort by time. */
export const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, {
    error: 'must be a UUID in lower case',
  })
  .meta({ format: 'uuid' })

export const tenantId = uuid.brand('TenantId')
export type TenantId = z.infer<typeof tenantId>

export const userId = uuid.brand('UserId')
export type UserId = z.infer<typeof userId>

export const memoryId = uuid.brand('MemoryId')
export type MemoryId = z.infer<typeof memoryId>

export const eventId = uuid.brand('EventId')
export type EventId = z.infer<typeof eventId>

export const sessionId = uuid.brand('SessionId')
export type SessionId = z.infer<typeof sessionId>

export const apiKeyId = uuid.brand('ApiKeyId')
export type ApiKeyId = z.infer<typeof apiKeyId>

export const invitationId = uuid.brand('InvitationId')
export type InvitationId = z.infer<typeof invitationId>

export const ssoProviderId = uuid.brand('SsoProviderId')
export type SsoProviderId = z.infer<typeof ssoProviderId>

export const keyRotationId = uuid.brand('KeyRotationId')
export type KeyRotationId = z.infer<typeof keyRotationId>

export const erasureId = uuid.brand('ErasureId')
export type ErasureId = z.infer<typeof erasureId>

export const alertId = uuid.brand('AlertId')
export type AlertId = z.infer<typeof alertId>

export const alertWebhookId = uuid.brand('AlertWebhookId')
export type AlertWebhookId = z.infer<typeof alertWebhookId>

export const deadLetterId = uuid.brand('DeadLetterId')
export type DeadLetterId = z.infer<typeof deadLetterId>

export const policyRunId = uuid.brand('PolicyRunId')
export type PolicyRunId = z.infer<typeof policyRunId>

export const editId = uuid.brand('EditId')
export type EditId = z.infer<typeof editId>

export const capsuleId = uuid.brand('CapsuleId')
export type CapsuleId = z.infer<typeof capsuleId>

export const exportId = uuid.brand('ExportId')
export type ExportId = z.infer<typeof exportId>

export const edgeId = uuid.brand('EdgeId')
export type EdgeId = z.infer<typeof edgeId>

/** The tenant of events that belong to no tenant, such as a failed sign-in to an unknown account. */
export const PLATFORM_TENANT = '00000000-0000-7000-8000-000000000000' as TenantId

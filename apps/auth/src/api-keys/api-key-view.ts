import type { apiKey } from '@memoric/contracts/api-key-contract.ts'
import type { ApiKeyId, UserId } from '@memoric/contracts/ids.ts'
import type { z } from 'zod'
import type { FieldSealer } from '../keys/field-sealer.ts'
import { readNetworks } from '../tenants/tenant-settings.ts'
import type { ApiKeyRow } from './api-key-repository.ts'

type ApiKeyView = z.infer<typeof apiKey>

/** An API key as the API shows it, without its secret. Ids of rows were made as such. */
export function apiKeyView(personal: FieldSealer, row: ApiKeyRow): ApiKeyView {
  return {
    id: row.id as ApiKeyId,
    key_id: row.key_id,
    name: personal.open({ tenantId: row.tenant_id, recordId: row.id, field: 'name' }, row.name_sealed),
    scopes: row.scopes,
    namespaces: row.namespaces,
    subjects: row.subjects,
    ip_allow: readNetworks(personal, row.tenant_id, row.id, row.ip_allow_sealed),
    rate_limit: row.rate_limit,
    created_by: row.created_by as UserId | null,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
    successor_id: row.successor_id as ApiKeyId | null,
  }
}

import { apiKeyId, type TenantId } from '@memoric/contracts/ids.ts'
import type { IntrospectAnswer, IntrospectBody } from '@memoric/contracts/introspection.ts'
import type { Permission } from '@memoric/contracts/permissions.ts'
import type { Deps } from '../deps.ts'
import { readNetworks } from '../tenants/tenant-settings.ts'
import { type Creator, scopesNow, subjectsNow } from './creator-limits.ts'
import { findApiKey } from './find-api-key.ts'
import { type ApiKeyGrantRow, selectClientGrant } from './grant-repository.ts'
import { refuse, type RefusalReason, tenantPart, UNKNOWN } from './refusal.ts'

type ApiKeyQuestion = Extract<IntrospectBody, { kind: 'api_key' }>
type ClientQuestion = Extract<IntrospectBody, { kind: 'client' }>

/** Junk costs no query. */
const KEY_ID = /^[0-9A-Za-z]{16}$/

/** What an API key may do, or why it does not stand. One query. */
export async function introspectApiKey(deps: Deps, { key_id, secret }: ApiKeyQuestion): Promise<IntrospectAnswer> {
  if (!KEY_ID.test(key_id)) return UNKNOWN
  const { row, isSecretRight } = await findApiKey(deps, key_id, secret)
  if (row === undefined) return UNKNOWN
  if (!isSecretRight) return refuse('wrong_secret', row, null)
  return answerAbout(deps, row, row.scopes)
}

/**
 * What an access token that was issued for an API key may do: as much as the key, within the scopes of the token. It does not stand
 * when nothing of them is left.
 */
export async function introspectClient(deps: Deps, question: ClientQuestion): Promise<IntrospectAnswer> {
  const id = apiKeyId.safeParse(question.api_key_id)
  if (!id.success) return UNKNOWN
  const [row] = await deps.reader.ask((tx) => selectClientGrant(tx, id.data))
  if (row === undefined) return UNKNOWN
  const scopes = row.scopes.filter((scope) => question.scopes.includes(scope))
  const answer = answerAbout(deps, row, scopes)
  const isEmpty = answer.grant !== null && answer.grant.permissions.length === 0
  return isEmpty ? refuse('scope_lost', row, answer.grant.principal) : answer
}

function answerAbout(deps: Deps, row: ApiKeyGrantRow, scopes: readonly Permission[]): IntrospectAnswer {
  const principal = { type: 'api_key', id: row.id } as const
  const creator = creatorOf(row)
  const reason = reasonAgainst(row)
  if (reason !== null) return refuse(reason, row, principal)
  if (creator === null) return refuse('creator_inactive', row, principal)
  deps.keyUse.mark(row.tenant_id, row.id)
  const { limits } = tenantPart(deps.keys, row)
  const own = readNetworks(deps.keys.personal, row.tenant_id, row.id, row.ip_allow_sealed)
  const grant = {
    grantId: row.id,
    // From a row of that tenant.
    tenantId: row.tenant_id as TenantId,
    principal,
    permissions: scopesNow(scopes, creator),
    subjects: subjectsNow(row.subjects ?? '*', creator),
    namespaces: row.namespaces ?? ('*' as const),
    ...limits,
    networks: own === null ? limits.networks : [...limits.networks, own],
    rateLimit: row.rate_limit,
    expiresAt: row.expires_at.getTime(),
  }
  return { grant, refusal: null }
}

function reasonAgainst(row: ApiKeyGrantRow): RefusalReason | null {
  if (row.suspended) return 'tenant_suspended'
  if (row.revoked) return 'revoked'
  return row.expired ? 'expired' : null
}

/** The user behind a key, without whom it does not stand. */
function creatorOf({ creator_id: id, creator_role: role, creator_active: isActive }: ApiKeyGrantRow): Creator | null {
  return id === null || role === null || isActive !== true ? null : { id, role }
}

import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { tenantView } from '../accounts/account-views.ts'
import { selectTenants } from '../accounts/tenant-repository.ts'
import { tenantScope } from '../tenant-scope.ts'
import { containTenant } from '../tenants/containment.ts'
import { lockTenant } from '../tenants/containment-repository.ts'
import { resumeTenant, suspendTenant } from '../tenants/suspension.ts'
import { readReason, readTenantId } from './arguments.ts'
import type { Command, CommandOptions, Report } from './command.ts'
import type { Operator } from './open-operator.ts'
import { OperatorError } from './operator-error.ts'
import { table } from './table.ts'

const TENANT = 'id of the tenant'

/** Commands about whole tenants. */
export const tenantCommands: readonly Command[] = [
  { words: 'tenants list', parameters: [], options: [], summary: 'every tenant, oldest first', run: list },
  {
    words: 'tenants suspend',
    parameters: [TENANT],
    options: ['reason'],
    summary: 'stop everything of a tenant until it is resumed; nothing of it ends',
    run: (operator, [id], options) => suspend(operator, readTenantId(id), options),
  },
  {
    words: 'tenants resume',
    parameters: [TENANT],
    options: ['reason'],
    summary: 'let a suspended tenant go on; what was ended or revoked stays so',
    run: (operator, [id], options) => resume(operator, readTenantId(id), options),
  },
  {
    words: 'tenants contain',
    parameters: [TENANT],
    options: ['reason'],
    summary: 'suspend a tenant, end every session and revoke every API key of it',
    run: (operator, [id], options) => contain(operator, readTenantId(id), options),
  },
]

async function list({ sql, keys }: Operator): Promise<Report> {
  const [rows] = await systemFlight(sql, (tx) => [selectTenants(tx)])
  const tenants = rows.map((row) => ({
    ...tenantView(keys.personal, row),
    suspended_at: row.suspended_at?.toISOString() ?? null,
  }))
  const cells = tenants.map(({ id, created_at, suspended_at, name }) => [id, created_at, suspended_at ?? '-', name])
  return { value: tenants, lines: table(['id', 'created', 'suspended', 'name'], cells) }
}

async function suspend(operator: Operator, tenantId: TenantId, { reason }: CommandOptions): Promise<Report> {
  const request = { tenantId, ...readReason(reason), statusCode: null }
  const changed = await within(operator, tenantId, (tx) => suspendTenant(tx, operator, request, operator.context))
  await operator.announceRevoked([tenantId])
  const line = changed ? 'is suspended: its sessions and API keys are refused' : 'was suspended already'
  return { value: { tenant_id: tenantId, suspended: true, changed }, lines: [`Tenant ${tenantId} ${line}.`] }
}

async function resume(operator: Operator, tenantId: TenantId, { reason }: CommandOptions): Promise<Report> {
  const request = { tenantId, ...readReason(reason), statusCode: null }
  const changed = await within(operator, tenantId, (tx) => resumeTenant(tx, operator, request, operator.context))
  const line = changed ? 'goes on: API keys and sessions that did not end work again' : 'was not suspended'
  return { value: { tenant_id: tenantId, suspended: false, changed }, lines: [`Tenant ${tenantId} ${line}.`] }
}

async function contain(operator: Operator, tenantId: TenantId, { reason }: CommandOptions): Promise<Report> {
  const request = { tenantId, ...readReason(reason), statusCode: null }
  const { sessions, apiKeys, announce } = await within(operator, tenantId, (tx) =>
    containTenant(tx, operator, request, operator.context),
  )
  await operator.announceRevoked(announce)
  return {
    value: { tenant_id: tenantId, sessions_revoked: sessions.length, api_keys_revoked: apiKeys.length },
    lines: [
      `Tenant ${tenantId} is suspended; sessions ended: ${sessions.length}, API keys revoked: ${apiKeys.length}.`,
    ],
  }
}

function within<T>({ sql }: Operator, tenantId: TenantId, work: (tx: Tx) => Promise<T>): Promise<T> {
  return tenantTransaction(sql, tenantScope(tenantId), async (tx) => {
    const found = await lockTenant(tx, tenantId)
    if (found.length === 0) throw new OperatorError(`There is no tenant ${tenantId}.`)
    return work(tx)
  })
}

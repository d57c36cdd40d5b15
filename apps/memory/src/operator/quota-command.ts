import type { TenantId } from '@memoric/contracts/ids.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { memoryConfig } from '../config.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { quotaDefaults } from '../quotas/quota-defaults.ts'
import {
  lockTenantQuotas,
  selectTenantAmount,
  selectTenantQuotas,
  type TenantQuotas,
  upsertTenantQuotas,
} from '../quotas/quota-repository.ts'
import type { QuotaLimits } from '../quotas/quota-rules.ts'
import { limitsOf } from '../quotas/tenant-usage.ts'
import { type CommandSurroundings, type MemoryCommand, UsageError } from './memory-command.ts'
import { openMemory, type OpenMemory } from './open-memory.ts'
import { operatorContext } from './operator-context.ts'
import { readOptions, readTenantId, refuseSurplus } from './read-arguments.ts'

/** The option that sets each quota. */
const OPTIONS = {
  memories: 'memories',
  bytes: 'bytes',
  subject_memories: 'subject-memories',
  subject_bytes: 'subject-bytes',
} as const

export const quotaCommand: MemoryCommand = {
  word: 'quota',
  usage: [
    'quota show <tenant id>',
    '    what a tenant stores, and how much it and each of its subjects may',
    'quota set <tenant id> [--memories N] [--bytes N] [--subject-memories N] [--subject-bytes N]',
    "    gives a tenant quotas of its own; N is a whole number, or default for the service's own",
  ],
  run: (args, surroundings) => run(parse(args), surroundings),
}

interface Target {
  readonly tenantId: TenantId
  /** Undefined to show what holds. */
  readonly change: Partial<TenantQuotas> | undefined
}

function parse(args: readonly string[]): Target {
  const option = { type: 'string' } as const
  const { values, positionals } = readOptions(args, {
    memories: option,
    bytes: option,
    'subject-memories': option,
    'subject-bytes': option,
  })
  const [command, tenant, ...surplus] = positionals
  if (command !== 'show' && command !== 'set') throw new UsageError('Say what to do.')
  refuseSurplus(`quota ${command}`, surplus)
  const tenantId = readTenantId(tenant)
  const named = Object.entries(OPTIONS).flatMap(([name, flag]) => {
    const value = values[flag]
    return value === undefined ? [] : [[name, readQuota(flag, value)] as const]
  })
  if ((command === 'set') !== named.length > 0) throw new UsageError('Say which quota to set, with "quota set" alone.')
  return { tenantId, change: command === 'show' ? undefined : Object.fromEntries(named) }
}

/** Null for the service's own. Throws UsageError. */
function readQuota(flag: string, value: string): number | null {
  if (value === 'default') return null
  if (/^\d{1,16}$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value)
  throw new UsageError(`--${flag} takes a whole number, or default.`)
}

async function run({ tenantId, change }: Target, { env, out }: CommandSurroundings): Promise<void> {
  const config = loadConfig(memoryConfig, env)
  const deps = await openMemory(config)
  try {
    if (change !== undefined) await set(deps, tenantId, change)
    const [[used], [own]] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [
      selectTenantAmount(tx, tenantId),
      selectTenantQuotas(tx, tenantId),
    ])
    describe(limitsOf(quotaDefaults(config), own), used ?? { memories: 0, bytes: 0 }).forEach((line) => out(line))
  } finally {
    await deps.closer.close()
  }
}

function describe({ tenant, subject }: QuotaLimits, used: QuotaLimits['tenant']): string[] {
  return [
    `tenant: ${used.memories} of ${tenant.memories} memories, ${used.bytes} of ${tenant.bytes} bytes`,
    `each subject: ${subject.memories} memories, ${subject.bytes} bytes`,
  ]
}

/** Writes the quotas that are named with the event of it; the others stay. */
async function set({ sql, events }: OpenMemory, tenantId: TenantId, change: Partial<TenantQuotas>): Promise<void> {
  await tenantTransaction(sql, wholeTenant(tenantId), async (tx) => {
    const [, [before]] = await Promise.all([lockTenantQuotas(tx, tenantId), selectTenantQuotas(tx, tenantId)])
    const none: TenantQuotas = { memories: null, bytes: null, subject_memories: null, subject_bytes: null }
    const after = { ...none, ...before, ...change }
    const context = operatorContext(tenantId, 'quota set')
    const details = { before: { ...none, ...before }, after }
    const told = events({ type: 'quota.changed', context, resourceId: tenantId, statusCode: null, details })
    await Promise.all([upsertTenantQuotas(tx, tenantId, after), outboxInsert(tx, [told])])
  })
}

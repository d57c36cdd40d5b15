import type { TenantId } from '@memoric/contracts/ids.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { memoryConfig } from '../config.ts'
import { allowEmbeddings, refuseEmbeddings, selectRefusal } from '../embeddings/vector-repository.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { type CommandSurroundings, type MemoryCommand, UsageError } from './memory-command.ts'
import { openMemory, type OpenMemory } from './open-memory.ts'
import { operatorContext } from './operator-context.ts'
import { readOptions, readTenantId, refuseSurplus } from './read-arguments.ts'

const ACTIONS = ['show', 'on', 'off'] as const
type Action = (typeof ACTIONS)[number]

export const embeddingsCommand: MemoryCommand = {
  word: 'embeddings',
  usage: [
    'embeddings show <tenant id>',
    '    whether texts of a tenant may be given to the endpoint of embeddings',
    'embeddings off <tenant id>',
    '    gives it none of them any more, and deletes their vectors',
    'embeddings on <tenant id>',
    '    gives them to it again',
  ],
  run: (args, surroundings) => run(parse(args), surroundings),
}

interface Target {
  readonly action: Action
  readonly tenantId: TenantId
}

function parse(args: readonly string[]): Target {
  const { positionals } = readOptions(args, {})
  const [word, tenant, ...surplus] = positionals
  const action = ACTIONS.find((each) => each === word)
  if (action === undefined) throw new UsageError('Say what to do.')
  refuseSurplus(`embeddings ${action}`, surplus)
  return { action, tenantId: readTenantId(tenant) }
}

async function run({ action, tenantId }: Target, { env, out }: CommandSurroundings): Promise<void> {
  const config = loadConfig(memoryConfig, env)
  const deps = await openMemory(config)
  try {
    if (action !== 'show') await set(deps, tenantId, action)
    const [refusals] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [selectRefusal(tx, tenantId)])
    out(`embeddings of this tenant: ${refusals.length > 0 ? 'off' : 'on'}`)
    if (config.EMBEDDINGS_URL === undefined) out('the service has no EMBEDDINGS_URL: they are off for every tenant')
  } finally {
    await deps.closer.close()
  }
}

/** Changes it, and tells of it if that is another state than before. */
async function set({ sql, events }: OpenMemory, tenantId: TenantId, action: 'on' | 'off'): Promise<void> {
  await tenantTransaction(sql, wholeTenant(tenantId), async (tx) => {
    const before = (await selectRefusal(tx, tenantId)).length > 0 ? 'off' : 'on'
    await Promise.all(action === 'off' ? refuseEmbeddings(tx, tenantId) : [allowEmbeddings(tx, tenantId)])
    if (before === action) return
    const context = operatorContext(tenantId, `embeddings ${action}`)
    const details = { embeddings: action }
    await outboxInsert(tx, [
      events({ type: 'embeddings.changed', context, resourceId: tenantId, statusCode: null, details }),
    ])
  })
}

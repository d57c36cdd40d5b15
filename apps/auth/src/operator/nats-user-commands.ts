import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { lockTenantRow } from '../accounts/tenant-repository.ts'
import { tenantScope } from '../tenant-scope.ts'
import { readTenantId } from './arguments.ts'
import { type Command, type Report, UsageError } from './command.ts'
import type { Operator } from './open-operator.ts'

const TYPES: Readonly<Record<string, 'nats_user.created' | 'nats_user.removed'>> = {
  created: 'nats_user.created',
  removed: 'nats_user.removed',
}

/** The part of `nats-user` that is about the log; the rest is done where the configuration of NATS is. */
export const natsUserCommands: readonly Command[] = [
  {
    words: 'nats-user note',
    parameters: ['created or removed', 'tenant id', 'public key'],
    options: [],
    summary: 'write into the log of a tenant that it got or lost a user of NATS; nats-user add and remove do it',
    run: note,
  },
]

async function note(
  { sql, events, context }: Operator,
  [what = '', tenant, publicKey = '']: readonly string[],
): Promise<Report> {
  const type = TYPES[what]
  const tenantId = readTenantId(tenant)
  if (type === undefined || !/^U[A-Z2-7]{55}$/.test(publicKey))
    throw new UsageError('Say created or removed, and a public key.')
  await tenantTransaction(sql, tenantScope(tenantId), async (tx) => {
    const [row] = await lockTenantRow(tx, tenantId)
    if (row === undefined && type === 'nats_user.created') throw new Error('There is no such tenant.')
    await outboxInsert(tx, [events({ type, context, tenantId, resourceId: publicKey, statusCode: null })])
  })
  return { value: { noted: type }, lines: ['Noted in the log.'] }
}

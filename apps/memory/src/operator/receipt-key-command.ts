import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { memoryConfig } from '../config.ts'
import { createReceiptKeys } from '../privacy/receipt-keys.ts'
import { type CommandSurroundings, type MemoryCommand, UsageError } from './memory-command.ts'
import { openMemory } from './open-memory.ts'
import { operatorContext } from './operator-context.ts'
import { refuseSurplus } from './read-arguments.ts'

export const receiptKeyCommand: MemoryCommand = {
  word: 'receipt-key',
  usage: [
    'receipt-key rotate',
    '    has receipts of erasures signed with a new key; the public half of the one before stays published',
  ],
  run: ([, command, ...surplus], surroundings) => {
    if (command !== 'rotate') throw new UsageError('Say what to do.')
    refuseSurplus('receipt-key rotate', surplus)
    return rotate(surroundings)
  },
}

async function rotate({ env, out }: CommandSurroundings): Promise<void> {
  const { sql, keks, events, closer } = await openMemory(loadConfig(memoryConfig, env))
  try {
    const context = operatorContext(PLATFORM_TENANT, 'receipt-key rotate')
    const verifierKey = await createReceiptKeys(sql, keks).rotate((id) =>
      events({ type: 'receipt_key.rotated', context, resourceId: id, statusCode: null }),
    )
    out(`Receipts are signed with ${verifierKey} from now on.`)
  } finally {
    await closer.close()
  }
}

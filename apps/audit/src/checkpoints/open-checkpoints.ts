import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Closer } from '@memoric/service/closer.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { MetricsOptions } from '@memoric/service/metrics-plugin.ts'
import type { AuditConfig } from '../config.ts'
import { takeInOlderLines } from '../tree/older-lines.ts'
import { openAnchors } from '../anchors/open-anchors.ts'
import type { Anchoring } from '../anchors/anchoring.ts'
import type { StoredCheckpoint } from './checkpoint-repository.ts'
import { ensureCheckpointKeys } from './checkpoint-keys.ts'
import { type Checkpointer, createCheckpointer } from './checkpointer.ts'

export interface CheckpointDeps {
  readonly sql: Sql
  readonly log: Logger
  readonly closer: Closer
  readonly credentials: SealingKey
}

/** The signed states of the log, and how they are doing. */
export interface Checkpoints extends Checkpointer {
  readonly gauges: NonNullable<MetricsOptions['gauges']>
}

/** Brings lines from before the tree into it, makes the key of a new log, and signs what was not signed yet. */
export async function openCheckpoints(config: AuditConfig, deps: CheckpointDeps): Promise<Checkpoints> {
  const { sql, log, closer, credentials } = deps
  const taken = await takeInOlderLines(sql)
  if (taken > 0) log.info({ lines: taken }, 'the lines of the log that were not in its tree are in it now')
  const keys = await ensureCheckpointKeys(sql, credentials, config.AUDIT_ORIGIN ?? `memoric.local/audit-${uuidV7()}`)
  const anchors = openAnchors(config, sql, log, closer)
  const onCheckpoint = (checkpoint: StoredCheckpoint) => anchors.offer(checkpoint)
  const checkpointer = createCheckpointer({ sql, credentials, keys, log, onCheckpoint })
  closer.defer('checkpoints', () => checkpointer.close())
  checkpointer.wake()
  return { ...checkpointer, gauges: gaugesOf(checkpointer, anchors) }
}

function gaugesOf(checkpointer: Checkpointer, anchors: Anchoring): Checkpoints['gauges'] {
  return {
    memoric_audit_checkpoint_size: {
      help: 'Lines of the log under the last checkpoint that this process signed',
      read: () => checkpointer.figures().size,
    },
    memoric_audit_log_forked: {
      help: '1 when the log in the database does not continue what was signed',
      read: () => Number(checkpointer.isForked()),
    },
    memoric_audit_anchors_failing: {
      help: 'Anchors that the last checkpoint did not reach',
      read: () => anchors.figures().failing,
    },
    memoric_audit_checkpoints_anchored: {
      help: 'Checkpoints that this process brought to an anchor',
      read: () => anchors.figures().published,
    },
  }
}

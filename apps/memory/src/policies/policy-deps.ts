import type { MemoryDeps } from '../memory-deps.ts'
import type { TextModel } from '../text-work/text-model.ts'
import type { Policy } from './policy.ts'

/** What carrying out a policy works with. */
export interface PolicyDeps extends Pick<MemoryDeps, 'sql' | 'keys' | 'events' | 'quotas' | 'log' | 'now'> {
  readonly relay: Pick<MemoryDeps['relay'], 'wake'>
  readonly policies: { of(tenantId: string): Promise<Policy> }
  /** Null when the operator has set none up. */
  readonly textModel: TextModel | null
}

import type { CreateMemory, Tier } from '@memoric/contracts/memory-contract.ts'
import { TASK_ROLE } from '@memoric/contracts/task-contract.ts'
import { entitiesOf } from '../notes/entities-of.ts'
import { contentOf, type TaskWords } from './task-row.ts'

/** What else a memory has of its task. */
export interface TaskFrame {
  readonly subjectId: string
  readonly namespace: string
  readonly priority: number
  readonly tags: readonly string[]
  readonly createdAt: Date
  readonly tier: Tier
}

/** The memory by which a search finds a task. */
export function memoryOfTask(
  { subjectId, namespace, priority, tags, createdAt, tier }: TaskFrame,
  words: TaskWords,
): CreateMemory {
  const { title, result, withWhom } = words
  return {
    content: contentOf(words),
    subject_id: subjectId,
    namespace,
    role: TASK_ROLE,
    importance: priority,
    entities: entitiesOf(withWhom),
    tags: [...tags],
    metadata: { [TASK_ROLE]: { title, result, with_whom: withWhom } },
    tier,
    occurred_at: createdAt.toISOString(),
    on_duplicate: 'create',
  }
}

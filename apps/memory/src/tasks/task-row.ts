import type { MemoryId, TenantId } from '@memoric/contracts/ids.ts'
import { type Task, TASK_ROLE, type TaskState } from '@memoric/contracts/task-contract.ts'
import { z } from 'zod'
import { type MemoryRow, tidyImportance } from '../memories/memory-row.ts'
import type { PrivateAttributes } from '../memories/private-attributes.ts'
import { provenanceView, standingView } from '../provenance/provenance-view.ts'

/** A row of `tasks` as the driver gives it, with the current version of its memory. */
export interface TaskRow extends Pick<
  MemoryRow,
  'version' | 'updated_at' | 'sealed' | 'trust' | 'standing' | 'withheld'
> {
  readonly tenant_id: TenantId
  readonly id: MemoryId
  readonly subject_id: string
  readonly namespace: string
  readonly state: TaskState
  readonly priority: number
  readonly due_at: Date | null
  readonly with_whom: Buffer | null
  readonly depends_on: readonly MemoryId[]
  readonly claim_id: string | null
  readonly claimed_by: string | null
  readonly claimed_for: string | null
  readonly claimed_at: Date | null
  readonly claimed_until: Date | null
  readonly times_claimed: number
  readonly ended_at: Date | null
  readonly ended_by: string | null
  readonly created_at: Date
  readonly written_by: string
}

/** What a task says. */
export interface TaskWords {
  readonly title: string
  readonly description: string | null
  readonly result: string | null
  readonly withWhom: string | null
}

const parts = z.object({
  title: z.string(),
  result: z.string().nullable().catch(null),
  with_whom: z.string().nullable().catch(null),
})

/** The words of a task, of those of its memory. */
export function wordsOf({ content, metadata }: PrivateAttributes): TaskWords {
  const known = parts.safeParse(metadata[TASK_ROLE])
  const { title, result, with_whom } = known.success ? known.data : parts.parse({ title: content.split('\n', 1)[0] })
  return { title, description: descriptionOf(content, title, result), result, withWhom: with_whom }
}

/** The text by which a search finds a task: title, description and result. */
export function contentOf({ title, description, result }: TaskWords): string {
  return `${title}${description === null ? '' : `\n${description}`}${resultLine(result)}`
}

function resultLine(result: string | null): string {
  return result === null ? '' : `\nResult: ${result}`
}

function descriptionOf(content: string, title: string, result: string | null): string | null {
  const end = resultLine(result)
  const told = content.endsWith(end) ? content.slice(0, content.length - end.length) : content
  const rest = told.startsWith(title) ? told.slice(title.length + 1) : told
  return rest === '' ? null : rest
}

/** The task as callers see it. */
export function taskView(row: Omit<TaskRow, 'sealed'>, attributes: PrivateAttributes): Task {
  const { title, description, result, withWhom } = wordsOf(attributes)
  return {
    id: row.id,
    subject_id: row.subject_id,
    namespace: row.namespace,
    version: row.version,
    state: row.state,
    title,
    description,
    with_whom: withWhom,
    priority: tidyImportance(row.priority),
    due_at: row.due_at?.toISOString() ?? null,
    depends_on: [...row.depends_on],
    tags: [...attributes.tags],
    claim: claimOf(row),
    times_claimed: row.times_claimed,
    result,
    ended_at: row.ended_at?.toISOString() ?? null,
    ended_by: row.ended_by,
    trust: provenanceView({ written_by: row.written_by, source: null, trust: row.trust }).trust,
    standing: standingView(row).standing,
    written_by: row.written_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}

function claimOf({ state, claim_id, claimed_by, claimed_for, claimed_at, claimed_until }: Omit<TaskRow, 'sealed'>) {
  if (state !== 'claimed' || claim_id === null || claimed_at === null || claimed_until === null) return null
  return {
    id: claim_id,
    by: claimed_by ?? '',
    agent: claimed_for,
    claimed_at: claimed_at.toISOString(),
    until: claimed_until.toISOString(),
  }
}

import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Task } from '@memoric/contracts/task-contract.ts'
import type { WakeUpDetail } from '@memoric/contracts/wake-up-contract.ts'
import { scopeOf } from '../caller-scope.ts'
import { openRow } from '../memories/memory-row.ts'
import { selectUrgent } from '../tasks/task-repository.ts'
import { type TaskRow, taskView } from '../tasks/task-row.ts'
import { dayOf, freshness } from './item-value.ts'
import { shorten } from './shorten.ts'
import type { LayerProvider, WakeUpItem, WakeUpSource } from './wake-up-layer.ts'

const TASKS = 20
const HALF_LIFE_DAYS = 14
const STANDARD = 200

/** What is to be done: tasks that are not finished, the most urgent first. */
export const tasksLayer: LayerProvider = {
  layer: 'tasks',
  share: 3,
  heading: () => 'Open tasks',
  async gather(source) {
    const { deps, caller, place, person } = source
    const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectUrgent(tx, place, person, TASKS + 1)])
    return { items: rows.slice(0, TASKS).map((row) => taskItem(source, row)), hasMore: rows.length > TASKS }
  },
}

function taskItem({ keys, now }: WakeUpSource, row: TaskRow): WakeUpItem {
  const task = taskView(row, openRow(keys, row))
  return {
    id: row.id,
    kind: 'task',
    occurredAt: row.created_at,
    value: 0.6 * row.priority + 0.4 * urgency(now, row),
    text: (detail) => told(task, detail),
  }
}

/** 1 for what is due or overdue, less the longer there is time; without a date as fresh as it is. */
function urgency(now: Date, { due_at, created_at }: TaskRow): number {
  return due_at === null ? freshness(now, created_at, HALF_LIFE_DAYS) : freshness(due_at, now, HALF_LIFE_DAYS)
}

function told({ title, description, due_at, claim }: Task, detail: WakeUpDetail): string {
  const due = due_at === null ? '' : ` (due ${dayOf(new Date(due_at))})`
  const with_ = claim === null ? '' : ` (claimed until ${claim.until})`
  const first = `${title}${due}${with_}`
  if (detail === 'brief' || description === null) return first
  return `${first}\n${detail === 'full' ? description : shorten(description, STANDARD)}`
}

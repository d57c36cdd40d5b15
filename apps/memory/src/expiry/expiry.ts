import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { deleteAllExpiredKept } from '../idempotency/idempotency-repository.ts'
import { countDue, type DueMemory, selectDue } from './expiry-repository.ts'
import { removeDueCapsules } from '../capsules/remove-due-capsules.ts'
import { type DueGroup, type ExpiryDeps, removeDue } from './remove-due.ts'

/** Removes in the background what has come to its end: memories, capsules, and records of Idempotency-Keys. */
export interface Expiry {
  /** Removes what is due now; gives how many memories. */
  run(): Promise<number>
  /** Memories that this process removed since it started. */
  removed(): number
  /** Memories that wait to be removed, MOST_COUNTED at most. */
  waiting(): Promise<number>
  close(): Promise<void>
}

export interface ExpiryOptions extends ExpiryDeps {
  /** Ms between two looks. */
  readonly everyMs?: number
}

/** Memories that one look finds. */
const LOOK = 1000
/** Memories of one transaction: some milliseconds under the lock of their subject. */
const BATCH = 100
const MOST_COUNTED = 100_000
/** Part of a pause that is left to chance, so that processes which started together do not look together for ever. */
const JITTER = 0.2

/** Any number of processes may do this: they step around each other's subjects, and what one leaves behind the next finds. */
export function createExpiry({ everyMs = 10_000, ...deps }: ExpiryOptions): Expiry {
  let removed = 0
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<unknown> = Promise.resolve()
  schedule()

  return {
    run,
    removed: () => removed,
    async waiting() {
      const [[row]] = await systemFlight(deps.sql, (tx) => [countDue(tx, MOST_COUNTED)])
      return row?.count ?? 0
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running
    },
  }

  function schedule(): void {
    if (isClosed) return
    timer = setTimeout(begin, everyMs * (1 - JITTER * Math.random())).unref()
  }

  function begin(): void {
    running = run()
      .catch((error: unknown) => deps.log.warn({ err: error }, 'what has expired is removed later'))
      .then(schedule)
  }

  async function run(): Promise<number> {
    let sum = 0
    for (let more = true; more && !isClosed;) {
      const [due] = await systemFlight(deps.sql, (tx) => [selectDue(tx, LOOK), deleteAllExpiredKept(tx, LOOK)])
      const now = await removeAll(groupsOf(due))
      await removeDueCapsules(deps, LOOK)
      sum += now
      more = due.length === LOOK && now > 0
    }
    return sum
  }

  /** Those that nobody holds first. A subject that fails keeps none of the others. */
  async function removeAll(groups: readonly DueGroup[]): Promise<number> {
    const busy: DueGroup[] = []
    let sum = 0
    for (const group of groups) {
      if (isClosed) return sum
      const count = await attempt(group, false)
      if (count === null) busy.push(group)
      sum += count ?? 0
    }
    for (const group of busy) if (!isClosed) sum += (await attempt(group, true)) ?? 0
    return sum
  }

  async function attempt(group: DueGroup, isPatient: boolean): Promise<number | null> {
    try {
      const count = await removeDue(deps, group, isPatient)
      removed += count ?? 0
      if (count !== null && count > 0) deps.relay.wake()
      return count
    } catch (error) {
      const { tenant_id, subject_id } = group
      deps.log.warn({ err: error, tenant_id, subject_id }, 'expired memories of a subject are removed later')
      return 0
    }
  }
}

function groupsOf(due: readonly DueMemory[]): DueGroup[] {
  const groups: DueGroup[] = []
  for (const [, memories] of Map.groupBy(due, ({ tenant_id, subject_id }) => `${tenant_id} ${subject_id}`)) {
    const [first] = memories
    if (first === undefined) continue
    const { tenant_id, subject_id } = first
    for (let from = 0; from < memories.length; from += BATCH) {
      groups.push({ tenant_id, subject_id, ids: memories.slice(from, from + BATCH).map(({ id }) => id) })
    }
  }
  return groups
}

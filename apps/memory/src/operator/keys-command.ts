import { setTimeout as delay } from 'node:timers/promises'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createProgress } from '@memoric/service/progress.ts'
import { memoryConfig } from '../config.ts'
import { selectTenantKeys } from '../keys/key-repository.ts'
import { type KeyRotationRow, selectKeyRotation, selectRunningRotation } from '../keys/key-rotation-repository.ts'
import { startKeyRotation } from '../keys/key-rotations.ts'
import { createRotationWorker } from '../keys/rotation-worker.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { type CommandSurroundings, type MemoryCommand, UsageError } from './memory-command.ts'
import { openMemory, type OpenMemory } from './open-memory.ts'
import { operatorContext } from './operator-context.ts'
import { readOptions, readSubjectId, readTenantId, refuseSurplus } from './read-arguments.ts'

export const keysCommand: MemoryCommand = {
  word: 'keys',
  usage: [
    'keys rotate <tenant id> [<subject id>]',
    '    replaces the key of a subject, or of a tenant, and shows how far it has come; goes on with one that runs',
  ],
  run: (args, surroundings) => run(parse(args), surroundings),
}

interface Target {
  readonly tenantId: TenantId
  readonly subjectId: string | undefined
}

const POLL_MS = 200

function parse(args: readonly string[]): Target {
  const [command, tenant, subject, ...surplus] = readOptions(args, {}).positionals
  if (command !== 'rotate') throw new UsageError('Say what to do.')
  refuseSurplus('keys rotate', surplus)
  return { tenantId: readTenantId(tenant), subjectId: subject === undefined ? undefined : readSubjectId(subject) }
}

/** A rotation is worked on here too, so that it comes to an end also when no service runs. */
async function run(target: Target, { env, out, screen }: CommandSurroundings): Promise<void> {
  const deps = await openMemory(loadConfig(memoryConfig, env))
  try {
    await requireKey(deps, target)
    const { row, isNew } = await beginOrFind(deps, target)
    if (!isNew) out('A rotation of this key runs already; this goes on with it.')
    const worker = createRotationWorker(deps)
    deps.closer.defer('rotation of keys', () => worker.close())
    const progress = screen === undefined ? () => undefined : createProgress(screen, row.total)
    const { to_version, done } = await follow(deps, row, progress)
    out(
      `The key has version ${to_version}; ${target.subjectId === undefined ? 'keys wrapped' : 'memories sealed'} anew: ${done}`,
    )
  } finally {
    await deps.closer.close()
  }
}

/** To ask for the key of a tenant makes one. */
async function requireKey({ sql }: OpenMemory, { tenantId }: Target): Promise<void> {
  const [keys] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectTenantKeys(tx, tenantId)])
  if (keys.length === 0) throw new Error('The tenant has no key: nothing was ever stored for it.')
}

async function beginOrFind(deps: OpenMemory, { tenantId, subjectId }: Target) {
  try {
    const row = await startKeyRotation(deps, operatorContext(tenantId, 'keys rotate'), subjectId)
    return { row, isNew: true }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'key_rotation_running') throw error
    const [[row]] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [
      selectRunningRotation(tx, tenantId, subjectId ?? null),
    ])
    if (row === undefined) throw error
    return { row, isNew: false }
  }
}

/** Shows a rotation until it has ended. */
async function follow(deps: OpenMemory, { tenant_id: tenantId, id }: KeyRotationRow, progress: (done: number) => void) {
  let shown = -1
  for (;;) {
    const [[row]] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [selectKeyRotation(tx, tenantId, id)])
    if (row === undefined) throw new Error('The subject was erased meanwhile.')
    const done = row.state === 'done' ? row.total : Math.min(row.done, Math.max(0, row.total - 1))
    if (done !== shown) progress(done)
    if (row.state === 'done') return row
    shown = done
    await delay(POLL_MS)
  }
}

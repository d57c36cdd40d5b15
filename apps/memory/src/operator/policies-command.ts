import { setTimeout as delay } from 'node:timers/promises'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { PolicyReport } from '@memoric/contracts/policy-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createProgress } from '@memoric/service/progress.ts'
import { memoryConfig } from '../config.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { readPolicy } from '../policies/policies.ts'
import type { PolicyDeps } from '../policies/policy-deps.ts'
import { createPolicyRuns } from '../policies/policy-runs.ts'
import { EMPTY_REPORT } from '../policies/report.ts'
import { type PolicyRunRow, selectRun, selectUnfinishedRun } from '../policies/run-repository.ts'
import { startRun } from '../policies/start-run.ts'
import { quotaDefaults } from '../quotas/quota-defaults.ts'
import { createTenantUsages } from '../quotas/tenant-usage.ts'
import { openTextModel } from '../text-work/open-text-model.ts'
import { type CommandSurroundings, type MemoryCommand, UsageError } from './memory-command.ts'
import { openMemory } from './open-memory.ts'
import { operatorContext } from './operator-context.ts'
import { readOptions, readSubjectId, readTenantId, refuseSurplus } from './read-arguments.ts'

export const policiesCommand: MemoryCommand = {
  word: 'policies',
  usage: [
    'policies run <tenant id> [<subject id>]',
    '    carries out the policy of a tenant and shows how far it has come; goes on with a run that is there',
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
  if (command !== 'run') throw new UsageError('Say what to do.')
  refuseSurplus('policies run', surplus)
  return { tenantId: readTenantId(tenant), subjectId: subject === undefined ? undefined : readSubjectId(subject) }
}

/** The run is worked on here too, so that it comes to an end also when no service runs. */
async function run(target: Target, { env, out, screen }: CommandSurroundings): Promise<void> {
  const config = loadConfig(memoryConfig, env)
  const memory = await openMemory(config)
  try {
    const deps: PolicyDeps = {
      ...memory,
      quotas: createTenantUsages({ sql: memory.sql, defaults: quotaDefaults(config) }),
      policies: { of: (tenantId) => readPolicy(memory.sql, memory.keys, tenantId) },
      textModel: await openTextModel(config),
      now: () => new Date(),
    }
    const { row, isNew } = await beginOrFind(deps, target)
    if (!isNew) out('A run of this tenant is not finished yet; this goes on with it.')
    const runs = createPolicyRuns(deps)
    memory.closer.defer('runs of policies', () => runs.close())
    const ended = await follow(deps, row, screen === undefined ? () => undefined : createProgress(screen, row.total))
    if (ended.state === 'failed') throw new Error('The run failed; the log of the service says why.')
    for (const line of linesOf({ ...EMPTY_REPORT, ...ended.report })) out(line)
  } finally {
    await memory.closer.close()
  }
}

async function beginOrFind(deps: PolicyDeps, { tenantId, subjectId }: Target) {
  try {
    return { row: await startRun(deps, operatorContext(tenantId, 'policies run'), subjectId), isNew: true }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'policy_run_running') throw error
    const [[row]] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [selectUnfinishedRun(tx, tenantId)])
    if (row === undefined) throw error
    return { row, isNew: false }
  }
}

/** Shows a run until it has ended. */
async function follow(
  { sql }: PolicyDeps,
  { tenant_id: tenantId, id }: PolicyRunRow,
  progress: (done: number) => void,
): Promise<PolicyRunRow> {
  let shown = -1
  for (;;) {
    const [[row]] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectRun(tx, tenantId, id)])
    if (row === undefined) throw new Error('The subject was erased meanwhile.')
    const isEnded = row.finished_at !== null
    const done = isEnded ? row.total : Math.min(row.looked_at, Math.max(0, row.total - 1))
    if (done !== shown) progress(done)
    if (isEnded) return row
    shown = done
    await delay(POLL_MS)
  }
}

/** A report, for a person. */
function linesOf(report: PolicyReport): string[] {
  const moved = report.moved.map(({ from, to, memories }) => `${memories} from ${from} to ${to}`)
  return [
    `looked at: ${report.memories} memories of ${report.subjects} subjects`,
    `moved for their age: ${moved.length === 0 ? '0' : moved.join(', ')}`,
    `promoted: ${report.promoted}, evicted: ${report.evicted}, deleted: ${report.deleted}, trimmed: ${report.trimmed}`,
    `summaries: ${report.summaries} of ${report.summarised} memories, replaced versions dropped: ${report.versions_dropped}`,
    `reflections: ${report.reflections}, principles: ${report.principles}, taken back: ${report.withdrawn}`,
    `without the model: ${report.fallbacks}, spared: ${report.spared}, failed: ${report.failed}`,
  ]
}

import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyDocument, TierPolicy } from '@memoric/contracts/policy-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { TierStatistics } from '@memoric/contracts/tier-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { requireNamespace, requireSubject } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { tierNames } from '../policies/require-tier.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { DAY_MS } from '../search/recency.ts'
import { selectTiers, type TierLimits, type TierRow } from './tier-repository.ts'

type List = RouteTable['listTiers']

/** How full each tier is, and what will leave it. Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `consent_withdrawn`. */
export async function listTiers(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  const { subject_id: subjectId, namespace } = query
  if (namespace !== undefined) requireNamespace(caller, namespace)
  if (subjectId !== undefined) {
    requireSubject(caller, subjectId)
    await deps.keys.forReading(caller.tenantId, subjectId, requireProcessing)
  }
  const { document, version } = await deps.policies.of(caller.tenantId)
  const now = deps.now()
  const soon = new Date(now.getTime() + DAY_MS)
  const asked = { subjectId, namespace, ageFrom: document.age_from, now, soon }
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectTiers(tx, caller.tenantId, asked, limitsOf(document, soon)),
  ])
  const items = tiersOf(document, rows).map((tier) => {
    const row = rows.find((each) => each.tier === tier)
    return statisticsOf(document, tier, row, now)
  })
  const resource = { resourceId: subjectId ?? null, details: { subject_id: subjectId ?? null, tiers: items.length } }
  deps.reads.record({ type: 'tier.listed', context, ...resource })
  return { status: 200, body: { items, policy_version: version, as_of: now.toISOString() } }
}

/** Those of the policy in their order, then the others that have memories. */
function tiersOf({ tiers }: PolicyDocument, rows: readonly TierRow[]): Tier[] {
  const found = new Set(rows.map(({ tier }) => tier))
  const others = tierNames({ tiers }).filter((name) => found.has(name))
  return [...new Set([...tiers.map(({ name }) => name), ...others, ...[...found].toSorted()])]
}

function limitsOf({ tiers }: PolicyDocument, soon: Date): TierLimits[] {
  return tiers.map(({ name, expiry_days, capacity }) => ({
    tier: name,
    leavesBefore: expiry_days === null ? null : new Date(Math.max(soon.getTime() - expiry_days * DAY_MS, -MOST_MS)),
    capacity: capacity?.memories ?? null,
  }))
}

/** Farther back than any memory. */
const MOST_MS = 6.2e13

function statisticsOf(document: PolicyDocument, tier: Tier, row: TierRow | undefined, now: Date): TierStatistics {
  const at = document.tiers.findIndex(({ name }) => name === tier)
  const rules = document.tiers[at]
  const taker = document.tiers.find(({ takes }) => takes.includes(tier))
  const to = rules === undefined ? (taker?.name ?? null) : leavingTo(rules, document.tiers[at + 1])
  const capacity = rules?.capacity?.memories ?? null
  return {
    tier,
    memories: row?.memories ?? 0,
    subjects: row?.subjects ?? 0,
    bytes: row?.bytes ?? 0,
    oldest_at: row?.oldest_at.toISOString() ?? null,
    newest_at: row?.newest_at.toISOString() ?? null,
    median_age_days: row === undefined ? null : daysSince(row.median_at.getTime(), now),
    average_age_days: row === undefined ? null : daysSince(row.average_at * 1000, now),
    capacity,
    utilisation: capacity === null ? null : rounded((row?.most ?? 0) / capacity),
    next_24_hours: {
      forgotten: row?.forgotten ?? 0,
      leaving: to === null ? 0 : ((taker === undefined ? row?.leaving : row?.memories) ?? 0),
      leaving_to: to,
      over_capacity: staysWhenFull(rules, document.tiers[at + 1]) ? 0 : (row?.over_capacity ?? 0),
    },
  }
}

function leavingTo({ expiry_days, on_expiry }: TierPolicy, next: TierPolicy | undefined): string | null {
  if (expiry_days === null) return null
  return on_expiry === 'delete' ? 'deletion' : (next?.name ?? null)
}

/** The last tier keeps what it cannot move. */
function staysWhenFull(rules: TierPolicy | undefined, next: TierPolicy | undefined): boolean {
  return rules?.capacity?.on_overflow !== 'delete' && next === undefined
}

function daysSince(time: number, now: Date): number {
  return rounded(Math.max(0, now.getTime() - time) / DAY_MS)
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}

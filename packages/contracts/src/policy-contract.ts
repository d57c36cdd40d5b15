import { z } from 'zod'
import { memoryId, policyRunId } from './ids.ts'
import { ENRICHED_FIELDS, enrichedField, memory, tier, type Tier } from './memory-contract.ts'
import { page, pageQuery } from './page.ts'
import { trust } from './provenance-contract.ts'
import type { Route } from './route.ts'
import { searchScope, SEARCH_SCOPES, searchWeights } from './search-contract.ts'
import { identifier, text, timestamp } from './text.ts'

/** Most tiers of a policy. */
const MOST_TIERS = 16

const label = text(128)
const labels = z.array(label).min(1).max(50)
const days = z.number().min(0.001).max(36_500)
const share = z.number().min(0).max(1)

const capacity = z.strictObject({
  memories: z.int().min(1).max(10_000_000).describe('most memories of each subject in the tier'),
  evict: z
    .enum(['lru', 'lowest_score', 'weakest'])
    .default('lowest_score')
    .describe(
      'who goes first: what was used longest ago, what scores lowest, or what use, importance and age have left weakest',
    ),
  on_overflow: z
    .enum(['move', 'delete'])
    .default('move')
    .describe('to the next tier, or away for good; in the last tier move keeps everything'),
})

export const tierPolicy = z
  .strictObject({
    name: tier.refine((name) => name !== 'deletion', { error: 'must not be deletion' }),
    takes: z
      .array(tier)
      .max(MOST_TIERS)
      .default([])
      .describe('names of tiers that the policy has no more: what is in them comes here with the next run'),
    expiry_days: days.nullable().default(null).describe('the age from which a memory leaves the tier; null for never'),
    on_expiry: z
      .enum(['move', 'delete'])
      .default('move')
      .describe('to the next tier, or away for good; in the last tier move keeps everything'),
    ttl_seconds: z
      .int()
      .min(1)
      .max(10 * 365 * 86_400)
      .nullable()
      .default(null)
      .describe('what is written into the tier and names no ttl_seconds is forgotten after so many'),
    capacity: capacity.nullable().default(null),
    trim: z
      .strictObject({ max_characters: z.int().min(20).max(32_768) })
      .nullable()
      .default(null)
      .describe('longer contents are cut; the version before stays in the history'),
    summarise: z
      .strictObject({
        min_memories: z.int().min(2).max(100).default(10),
        older_than_days: z.number().min(0).max(36_500).default(0),
      })
      .nullable()
      .default(null)
      .describe('a thread with so many memories in the tier gets a summary; what it was made of stays, ranked lower'),
  })
  .meta({ id: 'TierPolicy' })
export type TierPolicy = z.output<typeof tierPolicy>

/** From `at_least` on, and below `below`. */
function range(max: number) {
  const bound = z.number().min(0).max(max)
  return z
    .strictObject({ at_least: bound.optional(), below: bound.optional() })
    .refine(({ at_least = 0, below = Infinity }) => at_least < below, {
      path: ['below'],
      error: 'must be more than at_least',
    })
    .optional()
}

export const writeConditions = z.strictObject({
  importance: range(2),
  score: range(2).describe('what a search without words would give the memory now, 0..1'),
  length: range(100_000).describe('of the content, characters'),
  age_days: range(100_000).describe('since it happened'),
  role: labels.optional(),
  topic: labels.optional(),
  category: labels.optional(),
  tags: labels.optional().describe('memories that have one of these'),
})
export type WriteConditions = z.output<typeof writeConditions>

export const writeRule = z
  .strictObject({ when: writeConditions.describe('all of these; none means always'), to: tier })
  .meta({ id: 'WriteRule' })
export type WriteRule = z.output<typeof writeRule>

export const promotionRule = z
  .strictObject({
    from: z.array(tier).min(1).max(MOST_TIERS),
    to: tier,
    min_seen_count: z.int().min(2).max(1_000_000).optional().describe('the content was written so often'),
    min_recalls: z.int().min(1).max(1_000_000).optional().describe('searches have found it so often'),
    min_score: share.optional().describe('what a search without words would give it now'),
  })
  .refine((rule) => [rule.min_seen_count, rule.min_recalls, rule.min_score].some((limit) => limit !== undefined), {
    error: 'must name min_seen_count, min_recalls or min_score',
  })
  .meta({ id: 'PromotionRule' })
export type PromotionRule = z.output<typeof promotionRule>

export const scoringRule = z
  .discriminatedUnion('rule', [
    z.strictObject({ rule: z.literal('topic_boost'), topic: label, amount: share }),
    z.strictObject({ rule: z.literal('stale_penalty'), after_days: days, amount: share }),
    z.strictObject({ rule: z.literal('entity_match'), amount: share }),
  ])
  .meta({ id: 'ScoringRule' })

/** Tiers of a tenant that has not chosen any: nothing is deleted, cut or summarised. */
const DEFAULT_TIERS: z.input<typeof tierPolicy>[] = [
  { name: 'short_term', expiry_days: 1 },
  { name: 'mid_term', expiry_days: 30 },
  { name: 'long_term', expiry_days: 3650 },
]

const scoring = z.strictObject({
  weights: searchWeights.prefault({}).describe('what a search uses where it names no weights'),
  rules: z.array(scoringRule).max(50).default([]),
  summarised_penalty: share.default(0.5).describe('how much lower a memory ranks that a summary stands for'),
})

const summarisation = z.strictObject({
  summariser: z.enum(['none', 'extractive', 'model']).default('extractive'),
  target_characters: z.int().min(50).max(8000).default(1000),
})

const history = z.strictObject({
  keep_versions: z.int().min(0).max(10_000).nullable().default(null).describe('of a memory, besides the current one'),
  keep_days: days.nullable().default(null).describe('since a version was replaced'),
})

const enrichment = z.strictObject({
  mode: z
    .enum(['off', 'rules', 'model'])
    .default('off')
    .describe('whether what callers leave out is derived from the content, and by what'),
  fields: z
    .array(enrichedField)
    .min(1)
    .max(ENRICHED_FIELDS.length)
    .default([...ENRICHED_FIELDS])
    .describe('what is derived'),
  questions_per_day: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(1000)
    .describe('most memories that the model is asked about on a day (UTC); rules do the others'),
})

/** Periods that reflections tell of, each made of those before it. */
export const CONSOLIDATION_PERIODS = ['daily', 'weekly', 'monthly'] as const
export const consolidationPeriod = z.enum(CONSOLIDATION_PERIODS)
export type ConsolidationPeriod = z.infer<typeof consolidationPeriod>

const consolidation = z.strictObject({
  up_to: consolidationPeriod
    .nullable()
    .default(null)
    .describe('reflections that every run makes by itself: of days, of weeks too, of months too; null for none'),
})

const retrieval = z.strictObject({
  fallback: z.array(searchScope).max(SEARCH_SCOPES.length).default([]),
  top_k: z.int().min(1).max(100).default(10),
  min_score: share.default(0).describe('memories with a lower score are not found'),
  include_summarised: z.boolean().default(true).describe('whether memories that a summary stands for are found'),
  min_trust: trust.nullable().default(null).describe('leaves out memories that are trusted less; null for none'),
})

export const policyDocument = z
  .strictObject({
    tiers: z.array(tierPolicy).min(1).max(MOST_TIERS).prefault(DEFAULT_TIERS).describe('in the order of moves'),
    default_tier: tier.default('short_term').describe('of what no rule routes'),
    age_from: z.enum(['occurred_at', 'created_at']).default('occurred_at').describe('what the age counts from'),
    routing: z.array(writeRule).max(50).default([]).describe('the first rule that fits decides'),
    promotion: z.array(promotionRule).max(20).default([]),
    scoring: scoring.prefault({}),
    summarisation: summarisation.prefault({}),
    enrichment: enrichment.prefault({}).describe('what is added to new memories in the background'),
    consolidation: consolidation.prefault({}),
    history: history.prefault({}).describe('replaced versions that are kept; null keeps all'),
    retrieval: retrieval.prefault({}).describe('what a search uses where it says nothing'),
    schedule: z
      .strictObject({ every_hours: z.int().min(1).max(8760).nullable().default(24) })
      .prefault({})
      .describe('how often a run begins by itself; null for never'),
  })
  .superRefine((document, context) => checkTiers(document, context))
  .meta({ id: 'Policy' })
export type PolicyDocument = z.output<typeof policyDocument>

/** The policy of a tenant that has stored none. */
export const DEFAULT_POLICY_DOCUMENT: PolicyDocument = policyDocument.parse({})

interface Tiered {
  readonly tiers: readonly Pick<TierPolicy, 'name' | 'takes'>[]
  readonly default_tier: Tier
  readonly routing: readonly Pick<WriteRule, 'to'>[]
  readonly promotion: readonly Pick<PromotionRule, 'from' | 'to'>[]
}

/** Every tier once, and taken once if it is none of them; every name one of the tiers; promotion goes forward. */
function checkTiers({ tiers, default_tier, routing, promotion }: Tiered, context: z.RefinementCtx): void {
  const names = tiers.map(({ name }) => name)
  const fault = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message, input: undefined })
  const requireTier = (name: Tier, path: (string | number)[]) => {
    if (!names.includes(name)) fault(path, 'must be one of the tiers')
  }
  for (const [at, name] of names.entries()) {
    if (names.indexOf(name) < at) fault(['tiers', at, 'name'], 'is there already')
  }
  const taken = new Set<Tier>()
  for (const [at, { takes }] of tiers.entries()) {
    for (const [nth, name] of takes.entries()) {
      if (names.includes(name)) fault(['tiers', at, 'takes', nth], 'must not be one of the tiers')
      if (taken.has(name)) fault(['tiers', at, 'takes', nth], 'is taken already')
      taken.add(name)
    }
  }
  requireTier(default_tier, ['default_tier'])
  for (const [at, { to }] of routing.entries()) requireTier(to, ['routing', at, 'to'])
  for (const [at, { from, to }] of promotion.entries()) {
    requireTier(to, ['promotion', at, 'to'])
    for (const [nth, name] of from.entries()) {
      requireTier(name, ['promotion', at, 'from', nth])
      if (names.includes(to) && names.indexOf(name) >= names.indexOf(to)) {
        fault(['promotion', at, 'from', nth], 'must come before the tier that it is promoted to')
      }
    }
  }
}

export const policyReport = z
  .object({
    subjects: z.int().describe('that were looked at'),
    memories: z.int().describe('that were looked at'),
    moved: z.array(z.object({ from: tier, to: tier, memories: z.int() })).describe('for their age'),
    promoted: z.int().describe('moved for their use'),
    evicted: z.int().describe('moved because a tier was full'),
    deleted: z.int().describe('for their age or because a tier was full, where the policy says delete'),
    trimmed: z.int(),
    summaries: z.int().describe('memories that were made'),
    summarised: z.int().describe('memories that a summary stands for now'),
    reflections: z.int().describe('made, or made anew, of days, weeks and months'),
    principles: z.int().describe('made, or made anew, of what was learned again and again'),
    withdrawn: z.int().describe('reflections whose sources belong elsewhere by now'),
    fallbacks: z.int().describe('summaries that the extractive summariser made in the place of the model'),
    versions_dropped: z.int(),
    spared: z.int().describe('left as they are: they belong to a handoff, or their subject allows no processing'),
    failed: z.int().describe('could not be done now, for lack of a quota or of a key; the next run tries again'),
    complete: z.boolean().describe('false when the time was over before everything was looked at'),
  })
  .meta({ id: 'PolicyReport' })
export type PolicyReport = z.infer<typeof policyReport>

export const policyAnswer = z
  .object({
    version: z.int().describe('0 for the policy of a tenant that has stored none'),
    policy: policyDocument,
    warnings: z
      .array(z.object({ pointer: z.string(), message: z.string() }))
      .describe('what can be so, and is probably not meant'),
    written_at: timestamp.nullable(),
    written_by: z.string().nullable(),
    dry_run: policyReport.optional().describe('what a run would do now'),
  })
  .meta({ id: 'StoredPolicy' })

export const policyRun = z
  .object({
    id: policyRunId,
    policy_version: z.int(),
    subject_id: z.string().nullable(),
    state: z.enum(['waiting', 'running', 'done', 'failed']),
    dry_run: z.boolean(),
    requested_by: z.string().describe('service:memory for the schedule'),
    total: z.int().describe('memories when it began'),
    report: policyReport.describe('so far, until it is done'),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
  })
  .meta({ id: 'PolicyRun' })
export type PolicyRunView = z.input<typeof policyRun>

const putBody = z
  .strictObject({ policy: policyDocument, dry_run: z.boolean().default(false).describe('say only what would happen') })
  .meta({ id: 'PutPolicy' })

const runBody = z
  .strictObject({
    dry_run: z.boolean().default(false),
    subject_id: identifier.optional().describe('only this subject; every subject when left out'),
  })
  .meta({ id: 'RunPolicies' })

const promoteBody = z
  .strictObject({ to: tier.optional().describe('the next tier when left out') })
  .meta({ id: 'PromoteMemory' })

const ifMatch = z.object({
  'if-match': z
    .string()
    .regex(/^(?:W\/)?"?\d{1,9}"?$/, { error: 'must be the version of the policy' })
    .transform((value) => Number(value.replace(/\D/g, '')))
    .optional(),
})

export const policyRoutes = {
  getPolicy: {
    method: 'GET',
    path: '/v1/policies',
    app: 'memory',
    access: 'policies:write',
    rate: 'read',
    summary: 'The policy of the tenant',
    responses: { 200: policyAnswer },
  },
  putPolicy: {
    method: 'PUT',
    path: '/v1/policies',
    app: 'memory',
    access: 'policies:write',
    rate: 'write',
    summary: 'Replace the policy of the tenant, or see what it would do',
    headers: ifMatch,
    body: putBody,
    responses: { 200: policyAnswer },
  },
  listPolicyVersions: {
    method: 'GET',
    path: '/v1/policies/history',
    app: 'memory',
    access: 'policies:write',
    rate: 'read',
    summary: 'Versions of the policy, newest first',
    query: z.strictObject(pageQuery),
    responses: { 200: page(policyAnswer) },
  },
  runPolicies: {
    method: 'POST',
    path: '/v1/policies/run',
    app: 'memory',
    access: 'policies:execute',
    rate: 'write',
    summary: 'Carry out the policy now, or see what that would do',
    description: 'Answers 200 with the report when the run ends within some seconds, and 202 while it goes on.',
    body: runBody,
    responses: { 200: policyRun, 202: policyRun },
  },
  listPolicyRuns: {
    method: 'GET',
    path: '/v1/policies/runs',
    app: 'memory',
    access: 'policies:execute',
    rate: 'read',
    summary: 'Runs of the policy, newest first',
    query: z.strictObject(pageQuery),
    responses: { 200: page(policyRun) },
  },
  getPolicyRun: {
    method: 'GET',
    path: '/v1/policies/runs/:id',
    app: 'memory',
    access: 'policies:execute',
    rate: 'read',
    summary: 'How far a run has come, and its report',
    params: z.strictObject({ id: policyRunId }),
    responses: { 200: policyRun },
  },
  promoteMemory: {
    method: 'POST',
    path: '/v1/memories/:id/promote',
    app: 'memory',
    access: 'policies:execute',
    rate: 'write',
    summary: 'Move a memory to a later tier by hand',
    params: z.strictObject({ id: memoryId }),
    body: promoteBody.default({}),
    responses: { 200: memory },
  },
} as const satisfies Record<string, Route>

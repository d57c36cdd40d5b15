import { IMPORTANCE_LEVELS, TIERS, type Tier } from '@memoric/contracts/memory-contract.ts'
import { type JsonValue, jsonValue } from '@memoric/contracts/text.ts'
import { z } from 'zod'
import { type MemoryLine, memoryLine } from '../exports/export-lines.ts'
import { importedId } from '../import/imported-id.ts'
import type { FernetKey } from './fernet.ts'
import { openContent } from './open-content.ts'
import type { PythonRow } from './python-database.ts'

export const PYTHON_SOURCE = 'memoric-python'

/** What became of a row: a memory, or why there is none. */
export type Converted = { readonly line: MemoryLine } | { readonly why: string }

const fields = memoryLine.shape
/** What of the metadata has a place of its own here. */
const OWN_PLACES = {
  session_id: fields.session_id,
  role: fields.role,
  topic: fields.topic,
  category: fields.category,
  entities: fields.entities,
  seen_count: fields.seen_count,
  importance: z.union([z.number().min(0).max(1), z.enum(['low', 'medium', 'high', 'critical'])]),
} as const

/** Makes a memory of a row. What has no place here, or does not fit into it, is kept in the metadata under `python`. */
export function convertRow(keys: readonly FernetKey[], row: PythonRow): Converted {
  const opened = openContent(keys, row.content)
  if ('why' in opened) return { why: `content ${opened.why}` }
  const { own, rest } = sortMetadata(row)
  const createdAt = row.created_at ?? row.updated_at ?? new Date(0)
  const line = memoryLine.safeParse({
    type: 'memory',
    id: importedId(createdAt, [PYTHON_SOURCE, row.user_id, String(row.id)]),
    subject_id: row.user_id,
    namespace: row.namespace ?? 'default',
    thread_id: row.thread_id,
    session_id: own.session_id ?? null,
    seq: 1,
    version: 1,
    content: opened.content,
    role: own.role ?? null,
    speaker: null,
    topic: own.topic ?? null,
    category: own.category ?? null,
    entities: own.entities ?? [],
    tags: [],
    metadata: { ...rest, python: leftOvers(row) },
    tier: isTier(row.tier) ? row.tier : tierOf(row),
    importance: importanceOf(own.importance),
    seen_count: own.seen_count ?? 1,
    occurred_at: createdAt.toISOString(),
    created_at: createdAt.toISOString(),
    updated_at: (row.updated_at ?? createdAt).toISOString(),
    expires_at: null,
  })
  if (line.success) return { line: line.data }
  return { why: line.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ') }
}

function sortMetadata({ metadata, user_id, thread_id }: PythonRow) {
  const own: { [K in keyof typeof OWN_PLACES]?: z.output<(typeof OWN_PLACES)[K]> } = {}
  const rest: Record<string, JsonValue> = {}
  const copies: Readonly<Record<string, unknown>> = { user_id, thread_id }
  const given = z.record(z.string(), jsonValue).safeParse(metadata)
  for (const [name, value] of Object.entries(given.success ? given.data : {})) {
    if (value === null || (Object.hasOwn(copies, name) && copies[name] === value)) continue
    const place = Object.hasOwn(OWN_PLACES, name) ? OWN_PLACES[name as keyof typeof OWN_PLACES] : undefined
    const parsed = place?.safeParse(value)
    if (parsed?.success === true) Object.assign(own, { [name]: parsed.data })
    else rest[name] = value
  }
  return { own, rest }
}

function leftOvers(row: PythonRow): Record<string, JsonValue> {
  const { id, score, tier, summarized } = row
  const threads = jsonValue.safeParse(row.related_threads)
  return {
    id,
    ...(score !== null && { score }),
    ...(tier !== null && !isTier(tier) && { tier }),
    ...(summarized && { summarized }),
    ...(threads.success && threads.data !== null && { related_threads: threads.data }),
  }
}

function isTier(tier: string | null): tier is (typeof TIERS)[number] {
  return TIERS.some((known) => known === tier)
}

/** A tier of the caller's own was where memories were put that should stay. */
function tierOf({ tier }: PythonRow): Tier {
  return tier === null ? 'short_term' : 'long_term'
}

function importanceOf(importance: number | keyof typeof IMPORTANCE_LEVELS | undefined): number {
  if (importance === undefined) return IMPORTANCE_LEVELS.medium
  return typeof importance === 'number' ? importance : IMPORTANCE_LEVELS[importance]
}

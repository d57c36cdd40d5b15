import postgres from 'postgres'

/** The database of the baseline, beside those of the apps on the same server. */
export const BASELINE_DATABASE = 'bench_baseline'

export function baselineUrl(adminUrl: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${BASELINE_DATABASE}`
  return url.href
}

/**
 * Makes the database: `memories` has the columns of a memory in plain text; `documents` is the same with a full-text index, so
 * that inserts, which go to `memories`, do not pay for it. It has a partition for each subject, so that a search meets the words
 * of no other one.
 */
export async function createBaselineDatabase(adminUrl: string): Promise<void> {
  const admin = postgres(adminUrl, { max: 1 })
  await admin.unsafe(`create database ${BASELINE_DATABASE}`)
  await admin.end()
  const sql = postgres(baselineUrl(adminUrl), { max: 1 })
  await sql`
    create table memories (
      tenant_id uuid not null, id uuid not null default uuidv7(), subject_id text not null, namespace text not null,
      thread_id text, session_id text, version integer not null, tier text not null, importance real not null,
      seen_count integer not null, occurred_at timestamptz not null default now(),
      created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
      expires_at timestamptz, content text not null, metadata jsonb not null, primary key (tenant_id, id)
    )`
  await sql`create index on memories (tenant_id, subject_id, id)`
  await sql`
    create table documents (
      like memories including defaults,
      search tsvector not null generated always as (to_tsvector('english', content)) stored,
      primary key (tenant_id, subject_id, id)
    ) partition by list (subject_id)`
  await sql`create index on documents using gin (search)`
  await sql.end()
}

/** Fills both tables with the memories of a subject. */
export async function seedBaseline(adminUrl: string, subject: BaselineSubject): Promise<void> {
  const sql = postgres(baselineUrl(adminUrl), { max: 1 })
  await sql`
    insert into memories (tenant_id, id, subject_id, namespace, version, tier, importance, seen_count, content, metadata)
    select ${subject.tenantId}, m.id, ${subject.id}, 'default', 1, 'short_term', 0.5, 1, m.content, '{}'
    from unnest(${[...subject.memoryIds]}::uuid[], ${[...subject.contents]}::text[]) as m (id, content)`
  await sql.unsafe(`create table "documents ${subject.id}" partition of documents for values in ('${subject.id}')`)
  await sql`insert into documents select * from memories where subject_id = ${subject.id}`
  await sql`vacuum analyze memories`
  await sql`vacuum analyze documents`
  await sql.end()
}

/** Lets the planner know what the tables hold by now, rather than when autovacuum comes by. */
export async function refreshStatistics(adminUrl: string): Promise<void> {
  const sql = postgres(baselineUrl(adminUrl), { max: 1 })
  await sql`analyze memories`
  await sql`analyze documents`
  await sql.end()
}

/** Memories to have on both sides: `contents[i]` belongs to `memoryIds[i]`. */
export interface BaselineSubject {
  readonly tenantId: string
  readonly id: string
  readonly memoryIds: readonly string[]
  readonly contents: readonly string[]
}

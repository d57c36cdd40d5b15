import { errorCode } from '@memoric/postgres/database-error.ts'
import { ImportError } from '../import/import-error.ts'
import postgres from 'postgres'

/** A row of the table `memories` of the Python memoric. */
export interface PythonRow {
  readonly id: number
  readonly user_id: string
  readonly namespace: string | null
  readonly thread_id: string | null
  readonly content: string
  readonly tier: string | null
  readonly score: number | null
  readonly metadata: unknown
  readonly related_threads: unknown
  readonly summarized: boolean
  readonly created_at: Date | null
  readonly updated_at: Date | null
}

export interface PythonDatabase {
  count(): Promise<number>
  /** Every memory, those of a user together. */
  rows(): AsyncIterable<PythonRow>
  close(): Promise<void>
}

const PAGE = 500

/** Opens a database of the Python memoric for reading. Throws ImportError when it is none. */
export async function openPythonDatabase(url: string): Promise<PythonDatabase> {
  const sql = connect(url)
  try {
    await sql`
      select id, user_id, namespace, thread_id, content, tier, score, metadata, related_threads, summarized, created_at,
        updated_at
      from memories limit 0`
  } catch (cause) {
    await sql.end()
    throw new ImportError(whyNot(cause), { cause })
  }
  return {
    count: async () => (await sql<{ count: number }[]>`select count(*)::int as count from memories`)[0]?.count ?? 0,
    rows: () => readRows(sql),
    close: () => sql.end(),
  }
}

/** SQLSTATEs of a table and of a column that are not there. */
const UNDEFINED = new Set(['42P01', '42703'])

function whyNot(error: unknown): string {
  return UNDEFINED.has(errorCode(error) ?? '')
    ? 'The database has no table "memories" as the Python memoric made it.'
    : 'The database of the Python memoric cannot be reached or read.'
}

function connect(url: string): postgres.Sql {
  const connection = { application_name: 'memoric-import', default_transaction_read_only: true, timezone: 'UTC' }
  try {
    return postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined, connection })
  } catch (cause) {
    throw new ImportError('The address of the database cannot be understood.', { cause })
  }
}

/** Times were written in UTC into columns without a zone. One schema of the Python memoric has a boolean, the other a number. */
async function* readRows(sql: postgres.Sql): AsyncGenerator<PythonRow> {
  let last: PythonRow | undefined
  do {
    const [user, id]: [string, number] = [last?.user_id ?? '', last?.id ?? -1]
    const rows: PythonRow[] = await sql<PythonRow[]>`
      select id, user_id, namespace, thread_id, content, tier, score, metadata, related_threads,
        coalesce(summarized::text in ('1', 'true', 't'), false) as summarized,
        created_at at time zone 'UTC' as created_at, updated_at at time zone 'UTC' as updated_at
      from memories where (user_id, id) > (${user}, ${id}) order by user_id, id limit ${PAGE}`
    yield* rows
    last = rows.at(-1)
  } while (last !== undefined)
}

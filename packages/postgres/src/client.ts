import postgres from 'postgres'
import { createLanePool, type LanePool } from './lane-pool.ts'

export interface ClientOptions {
  /** `postgres://role:password@host:port/database` */
  readonly url: string
  /** Connections for transactions, at most. One or two more may serve queries outside of them. */
  readonly max?: number
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string
  readonly connectTimeoutMs?: number
  readonly statementTimeoutMs?: number
  /** The server ends a transaction that waits this long for its next statement. */
  readonly idleTransactionTimeoutMs?: number
  /** A connection that nobody used this long is closed. */
  readonly idleTimeoutMs?: number
  /** How long a transaction waits for a free connection. */
  readonly acquireTimeoutMs?: number
  /** A transaction that takes longer loses its connection: the server may be hanging. */
  readonly transactionTimeoutMs?: number
  /** Settings that every connection begins with. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * A postgres.js client (for queries outside of tenants: health, catalogs) with the lanes on which transactions fly.
 * int8 arrives as number (RangeError beyond 2^53), timestamptz and date as Date; a string given for json or jsonb is taken as JSON text.
 */
export type Sql = postgres.Sql & { readonly lanes: LanePool }

const OUTSIDE_TRANSACTIONS_MAX = 2

/** Opens nothing yet: connections are made when needed. `sql.end()` closes them all. */
export function createClient(options: ClientOptions): Sql {
  const { url, max = 10, connectTimeoutMs = 5_000, idleTimeoutMs = 60_000 } = options
  const settings = {
    connect_timeout: connectTimeoutMs / 1000,
    connection: {
      application_name: options.applicationName ?? 'memoric',
      statement_timeout: options.statementTimeoutMs ?? 15_000,
      idle_in_transaction_session_timeout: options.idleTransactionTimeoutMs ?? 15_000,
      timezone: 'UTC',
      plan_cache_mode: 'force_generic_plan',
      ...options.settings,
    },
    onnotice: () => undefined,
    types: { bigint: safeInteger, json: jsonText, date: pointInTime },
  } as const
  const lanes = createLanePool({
    max,
    idleTimeoutMs,
    acquireTimeoutMs: options.acquireTimeoutMs ?? 10_000,
    transactionTimeoutMs: options.transactionTimeoutMs ?? 60_000,
    open: (onclose) => postgres(url, { ...settings, max: 1, max_lifetime: null, onclose }),
  })
  const sql = postgres(url, { ...settings, max: OUTSIDE_TRANSACTIONS_MAX, idle_timeout: idleTimeoutMs / 1000 })
  return withLanes(sql, lanes)
}

function withLanes(sql: postgres.Sql, lanes: LanePool): Sql {
  const endQueries = sql.end.bind(sql)
  const end = async (options?: { timeout?: number }) => {
    await Promise.all([lanes.end((options?.timeout ?? 5) * 1000), endQueries({ timeout: 5, ...options })])
  }
  return Object.assign(sql, { lanes, end })
}

const INT8 = 20
const JSON_OID = 114
const JSONB_OID = 3802
const DATE = 1082
const TIMESTAMPTZ = 1184

const safeInteger = {
  to: INT8,
  from: [INT8],
  serialize: (value: bigint | number) => value.toString(),
  parse: (text: string): number => {
    const value = Number(text)
    if (!Number.isSafeInteger(value)) throw new RangeError('int8 beyond 2^53')
    return value
  },
}

const jsonText = {
  to: JSON_OID,
  from: [JSON_OID, JSONB_OID],
  serialize: (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value)),
  parse: (text: string): unknown => JSON.parse(text),
}

const pointInTime = {
  to: TIMESTAMPTZ,
  from: [DATE, TIMESTAMPTZ],
  serialize: (value: Date | number | string) => new Date(value).toISOString(),
  parse: (text: string): Date => new Date(isBeforeYear100(text) ? asIso(text) : text),
}

/** JavaScript takes year 32 for 2032, unless the text is what ISO 8601 says. */
function isBeforeYear100(text: string): boolean {
  return text.startsWith('00')
}

/** Of `0032-05-05 12:00:00.5+00`. */
function asIso(text: string): string {
  return text.replace(/ (.*)\+00$/, 'T$1Z')
}

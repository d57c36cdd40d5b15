/** First line of an export. */
export interface ExportHeader {
  readonly checkpoint: string
  /** Null for the whole log. */
  readonly tenantId: string | null
  readonly complete: boolean
}

/** A line of the log in an export. */
export interface ExportLine {
  readonly logIndex: number
  readonly canonical: string
  /** Base64. */
  readonly leafHash: string
  readonly skip: readonly string[]
  readonly personal: DisclosedPersonal | null
}

/** Personal data with the salt of its commitment. */
export interface DisclosedPersonal {
  readonly salt: string
  readonly ip_address: string | null
  readonly user_agent: string | null
  readonly email: string | null
}

/** Last line of an export. */
export interface ExportTrailer {
  readonly lines: number
  readonly skip: readonly string[]
}

/** What the verifier needs of a leaf. */
export interface Leaf {
  readonly logIndex: number
  readonly eventId: string
  readonly tenantId: string
  readonly tenantSeq: number
  readonly operation: string
  readonly commitment: string | null
  readonly details: unknown
}

type Members = Readonly<Record<string, unknown>>

/** Undefined for what is no object in JSON. */
export function parseObject(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function readHeader(line: Members): ExportHeader | undefined {
  const { format, checkpoint, tenant_id: tenantId, complete } = line
  if (format !== 'memoric-audit-export/1' || typeof checkpoint !== 'string' || typeof complete !== 'boolean')
    return undefined
  return tenantId === null || typeof tenantId === 'string' ? { checkpoint, tenantId, complete } : undefined
}

export function readLine(line: Members): ExportLine | undefined {
  const { log_index: logIndex, canonical, leaf_hash: leafHash, skip = [], personal = null } = line
  if (!isCount(logIndex) || typeof canonical !== 'string' || typeof leafHash !== 'string' || !isTexts(skip))
    return undefined
  return personal === null || isPersonal(personal) ? { logIndex, canonical, leafHash, skip, personal } : undefined
}

export function readTrailer(line: Members): ExportTrailer | undefined {
  const { lines, skip } = line
  return isCount(lines) && isTexts(skip) ? { lines, skip } : undefined
}

export function readLeaf(canonical: string): Leaf | undefined {
  const leaf = parseObject(canonical)
  if (leaf === undefined) return undefined
  const { log_index: logIndex, event_id: eventId, tenant_id: tenantId, tenant_seq: tenantSeq, operation } = leaf
  const { personal_commitment: commitment = null, details } = leaf
  const isLeaf = isCount(logIndex) && isCount(tenantSeq) && typeof eventId === 'string' && typeof tenantId === 'string'
  if (!isLeaf || typeof operation !== 'string' || !isTextOrNull(commitment)) return undefined
  return { logIndex, eventId, tenantId, tenantSeq, operation, commitment, details }
}

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

function isPersonal(value: unknown): value is DisclosedPersonal {
  if (!isObject(value)) return false
  const { salt, ip_address: address, user_agent: agent, email } = value
  return typeof salt === 'string' && [address, agent, email].every(isTextOrNull)
}

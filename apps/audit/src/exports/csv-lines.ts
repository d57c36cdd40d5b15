import type { AuditLog } from '@memoric/contracts/audit-contract.ts'

const COLUMNS = [
  'tenant_seq',
  'log_index',
  'event_id',
  'tenant_id',
  'occurred_at',
  'received_at',
  'source',
  'operation',
  'severity',
  'outcome',
  'reason',
  'actor_type',
  'actor_id',
  'resource_type',
  'resource_id',
  'endpoint',
  'method',
  'status_code',
  'duration_ms',
  'request_id',
  'ip_address',
  'user_agent',
  'email',
  'details',
] as const satisfies readonly (keyof AuditLog)[]

/** RFC 4180, with line feeds. */
export function csvHeader(): string {
  return `${COLUMNS.join(',')}\n`
}

export function csvLine(line: AuditLog): string {
  return COLUMNS.map((column) => cell(line[column])).join(',')
}

function cell(value: AuditLog[keyof AuditLog]): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  return quoted(typeof value === 'string' ? value : JSON.stringify(value))
}

/**
 * Always in quotes; and after an apostrophe where a spreadsheet would take the text for a formula, also when it looks only after
 * spaces or reads full-width characters as the plain ones (OWASP, CSV injection).
 */
function quoted(text: string): string {
  const safe = /^[\s\p{Cf}\p{Cc}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u.test(text) ? `'${text}` : text
  return `"${safe.replaceAll('"', '""')}"`
}

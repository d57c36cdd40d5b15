import type { AuditLog } from '@memoric/contracts/audit-contract.ts'
import type { Severity } from '@memoric/contracts/severity.ts'

/** Version of the Open Cybersecurity Schema Framework that events follow. */
export const OCSF_VERSION = '1.3.0'

interface Activity {
  /** category_uid * 1000 + number of the class. */
  readonly class: keyof typeof CLASSES
  /** Number of the activity in its class; 99 is Other. */
  readonly id: number
  readonly name: string
}

const CLASSES = {
  2004: { category: 2, name: 'Detection Finding', categoryName: 'Findings' },
  3001: { category: 3, name: 'Account Change', categoryName: 'Identity & Access Management' },
  3002: { category: 3, name: 'Authentication', categoryName: 'Identity & Access Management' },
  3005: { category: 3, name: 'User Access Management', categoryName: 'Identity & Access Management' },
  6003: { category: 6, name: 'API Activity', categoryName: 'Application Activity' },
} as const

type Status = readonly [id: number, name: string]

const SEVERITY_IDS: Readonly<Record<Severity, [id: number, name: string]>> = {
  info: [1, 'Informational'],
  notice: [2, 'Low'],
  warning: [3, 'Medium'],
  critical: [5, 'Critical'],
}

/** What the status of a finding is after each activity: how far it has come, not whether something succeeded. */
const FINDING_STATUSES: Readonly<Record<number, Status>> = { 1: [1, 'New'], 2: [2, 'In Progress'], 3: [4, 'Resolved'] }

const account = (id: number, name: string): Activity => ({ class: 3001, id, name })
const authentication = (id: number, name: string): Activity => ({ class: 3002, id, name })

/** Operations that are no mere call of an API. */
const ACTIVITIES: Readonly<Record<string, Activity>> = {
  'auth.login.succeeded': authentication(1, 'Logon'),
  'auth.login.failed': authentication(1, 'Logon'),
  'auth.logged_out': authentication(2, 'Logoff'),
  'auth.session.revoked': authentication(2, 'Logoff'),
  'auth.token.issued': authentication(99, 'Other'),
  'auth.token.refreshed': authentication(99, 'Other'),
  'auth.token.reused': authentication(99, 'Other'),
  'auth.token.rejected': authentication(99, 'Other'),
  'auth.key.rejected': authentication(99, 'Other'),
  'auth.recovery_code.used': authentication(99, 'Other'),
  'auth.registered': account(1, 'Create'),
  'user.created': account(1, 'Create'),
  'user.reactivated': account(2, 'Enable'),
  'auth.password.changed': account(3, 'Password Change'),
  'auth.password.reset': account(4, 'Password Reset'),
  'auth.password.reset_requested': account(4, 'Password Reset'),
  'user.deactivated': account(5, 'Disable'),
  'user.removed': account(6, 'Delete'),
  'auth.totp.enabled': account(10, 'MFA Factor Enable'),
  'auth.totp.disabled': account(11, 'MFA Factor Disable'),
  'user.updated': account(99, 'Other'),
  'user.role_changed': { class: 3005, id: 1, name: 'Assign Privileges' },
  'alert.raised': { class: 2004, id: 1, name: 'Create' },
  'alert.acknowledged': { class: 2004, id: 2, name: 'Update' },
  'alert.closed': { class: 2004, id: 3, name: 'Close' },
}

/** A line of the log as an event of OCSF. */
export function ocsfEvent(line: AuditLog): Record<string, unknown> {
  const activity = ACTIVITIES[line.operation] ?? apiActivity(line)
  const kind = CLASSES[activity.class]
  const [severityId, severity] = SEVERITY_IDS[line.severity]
  const [statusId, status] = statusOf(activity, line)
  return {
    class_uid: activity.class,
    class_name: kind.name,
    category_uid: kind.category,
    category_name: kind.categoryName,
    activity_id: activity.id,
    activity_name: activity.name,
    type_uid: activity.class * 100 + activity.id,
    type_name: `${kind.name}: ${activity.name}`,
    time: Date.parse(line.occurred_at),
    severity_id: severityId,
    severity,
    status_id: statusId,
    status,
    ...(line.reason !== null && { status_detail: line.reason }),
    ...(line.duration_ms !== null && { duration: Math.round(line.duration_ms) }),
    metadata: metadataOf(line),
    actor: actorOf(line),
    src_endpoint: sourceOf(line),
    ...ofClass(activity, line),
    ...(line.method !== null && { http_request: requestOf(line) }),
    ...(line.status_code !== null && { http_response: { code: line.status_code } }),
    unmapped: { operation: line.operation, outcome: line.outcome, log_index: line.log_index, details: line.details },
  }
}

function statusOf({ class: uid, id }: Activity, { outcome }: AuditLog): Status {
  const ofFinding = uid === 2004 ? FINDING_STATUSES[id] : undefined
  return ofFinding ?? (outcome === 'success' ? [1, 'Success'] : [2, 'Failure'])
}

/** By the verb of the operation. */
function apiActivity({ operation, method }: AuditLog): Activity {
  const verb = operation.slice(operation.lastIndexOf('.') + 1)
  const activity = (id: number, name: string): Activity => ({ class: 6003, id, name })
  if (verb === 'created' || verb === 'raised') return activity(1, 'Create')
  if (/read$|^(listed|searched|exported|export_started)$/.test(verb)) return activity(2, 'Read')
  if (/^(updated|changed|rotated|reinforced|promoted)$/.test(verb)) return activity(3, 'Update')
  if (/^(deleted|revoked|removed|erased)$/.test(verb)) return activity(4, 'Delete')
  return method === 'GET' ? activity(2, 'Read') : activity(99, 'Other')
}

function metadataOf(line: AuditLog) {
  return {
    version: OCSF_VERSION,
    uid: line.event_id,
    log_name: 'audit',
    event_code: line.operation,
    sequence: line.tenant_seq,
    tenant_uid: line.tenant_id,
    logged_time: Date.parse(line.received_at),
    original_time: line.occurred_at,
    product: { name: 'Memoric', vendor_name: 'Memoric', feature: { name: line.source } },
    ...(line.request_id !== null && { correlation_uid: line.request_id }),
  }
}

function actorOf({ actor_type: type, actor_id: id, email }: AuditLog) {
  const user = {
    uid: id ?? type,
    type_id: type === 'user' ? 1 : 99,
    type,
    ...(email !== null && { email_addr: email }),
  }
  return { user }
}

function sourceOf({ ip_address: ip, actor_type: type }: AuditLog) {
  return ip === null ? { name: type } : { ip }
}

function requestOf({ method, endpoint, user_agent: agent, request_id: id }: AuditLog) {
  return {
    http_method: method,
    ...(id !== null && { uid: id }),
    ...(agent !== null && { user_agent: agent }),
    ...(endpoint !== null && { url: { path: endpoint } }),
  }
}

/** What the class of an event asks for beyond what all have. */
function ofClass({ class: uid }: Activity, line: AuditLog): Record<string, unknown> {
  const service = { name: line.source }
  if (uid === 6003) return { api: { operation: line.operation, service }, ...resourcesOf(line) }
  if (uid === 2004) return { finding_info: { uid: line.resource_id, title: textOf(line.details['detection']) } }
  const user = targetOf(line)
  if (uid === 3005) return { user, privileges: [textOf(line.details['role'] ?? line.details['to'])] }
  return uid === 3002 ? { user, service } : { user }
}

/** A resource has to have an id. */
function resourcesOf({ resource_type: type, resource_id: uid }: AuditLog) {
  return uid === null ? {} : { resources: [{ type, uid }] }
}

/** A user has to have an id or a name: of an account that does not exist there is the e-mail at most. */
function targetOf(line: AuditLog) {
  const { email, actor_type: type } = line
  const uid = userOf(line)
  return {
    ...(uid === null ? { name: email ?? type } : { uid }),
    type_id: 1,
    ...(email !== null && { email_addr: email }),
  }
}

/** Whom an event about an account is about. */
function userOf({ resource_type: type, resource_id: id, details, actor_id: actor }: AuditLog): string | null {
  if (type === 'user') return id
  const named = details['user_id']
  return typeof named === 'string' ? named : actor
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { DemoClient, DemoEvent } from './demo-client.ts'

export interface AuditTrailOptions {
  subject: string
  /** When the demo began. */
  since: Date
  /** Searches that must be in the log before it is read. */
  searches: number
  /** ms */
  patience: number
}

/** What the log has about a subject, newest first. The last searches arrive a moment after their answers, so it waits for them. */
export async function readAuditTrail(
  client: Pick<DemoClient, 'auditLogs'>,
  options: AuditTrailOptions,
): Promise<DemoEvent[]> {
  const { subject, since, searches, patience } = options
  const deadline = Date.now() + patience
  const filters = { operation: 'memory.searched', resource: subject }
  while ((await client.auditLogs(filters)).length < searches && Date.now() < deadline) await sleep(300)
  const logs = await client.auditLogs({ from: since.toISOString() })
  return logs.filter((log) => isAbout(log, subject))
}

/** Reading the log belongs to it: that leaves events, too. */
function isAbout({ operation, resource_id, details }: DemoEvent, subject: string): boolean {
  return operation === 'audit.read' || resource_id === subject || details['subject_id'] === subject
}

/** How often each operation is in the log, and its last events, as a person reads it. */
export function auditText(logs: readonly DemoEvent[], last: number): string {
  const counts = Object.entries(Object.groupBy(logs, ({ operation }) => operation))
    .map(([operation, of = []]) => [operation, of.length] as const)
    .sort(([, a], [, b]) => b - a)
  return [
    ...counts.map(([operation, count]) => `${String(count).padStart(7)}  ${operation}`),
    '',
    'The last of them:',
    ...logs.slice(0, last).map(eventText),
  ].join('\n')
}

function eventText(log: DemoEvent): string {
  const resource =
    log.resource_id === null ? (log.resource_type ?? '') : `${log.resource_type ?? ''} ${log.resource_id}`
  return `${String(log.log_index).padStart(7)}  ${log.occurred_at}  ${log.operation}  ${log.outcome}  by ${log.actor_type} on ${resource}`
}

import type { Alert } from '@memoric/contracts/alert-contract.ts'
import { detectionOf } from '@memoric/contracts/detections.ts'
import type { Mail } from '@memoric/service/mail/mail.ts'
import { shown } from '@memoric/service/mail/shown.ts'

/** The mail with which somebody shows that an address is theirs, and that they want alerts there. */
export function confirmationText(code: string, tenantId: string, publicUrl: string): Omit<Mail, 'to'> {
  const base = publicUrl.replace(/\/+$/, '')
  const lines = [
    `Somebody asked for the security alerts of the tenant ${tenantId} at Memoric to be sent to this address.`,
    'If you do not know why, do nothing.',
    '',
    `Code: ${code}`,
    '',
    'Within 7 days, an administrator of the tenant confirms the address with it:',
    '',
    `  curl ${base}/v1/audit/alert-mail/confirm -H "x-api-key: <key>" -H 'content-type: application/json' \\`,
    `    -d '{"code":"<code>"}'`,
    '',
  ]
  return { subject: 'Confirm this address for alerts of Memoric', text: lines.join('\n') }
}

/** The mail about an alert. What came from a request is shown so that it can be nothing but text on its line. */
export function alertMailText(alert: Alert, tenantId: string, publicUrl: string): Omit<Mail, 'to'> {
  const { name, meaning } = detectionOf(alert.detection)
  const base = publicUrl.replace(/\/+$/, '')
  const threshold = alert.threshold === null ? '' : ` (threshold ${alert.threshold})`
  const lines = [
    meaning,
    '',
    `Alert:     ${alert.id}`,
    `Detection: ${alert.detection}`,
    `Severity:  ${alert.severity}`,
    `Tenant:    ${tenantId}`,
    `About:     ${shown(alert.entity.type)} ${shown(alert.entity.id ?? '')}`,
    `Counted:   ${alert.observed}${threshold} within ${alert.window_seconds} seconds`,
    `First:     ${alert.first_at}`,
    `Last:      ${alert.last_at}`,
    '',
    'The events that show it:',
    '',
    `  curl ${base}/v1/audit/alerts/${alert.id} -H "x-api-key: <key>"`,
    '',
    'What to do is in the runbooks of your Memoric installation (docs/runbooks).',
    '',
  ]
  return { subject: `Memoric alert: ${name} (${alert.severity})`, text: lines.join('\n') }
}

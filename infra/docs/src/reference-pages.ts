import { ERRORS } from '@memoric/contracts/error-codes.ts'
import { EVENT_TYPES } from '@memoric/contracts/event-types.ts'
import { PERMISSIONS, ROLE_PERMISSIONS, ROLES } from '@memoric/contracts/permissions.ts'

/** docs/errors.md: every code that the API answers. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, title }]) => `| ${status} | \`${code}\` | ${title} |`)
  return `# Errors

Every error is \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`code\`, \`request_id\`, and where it
helps \`detail\` and \`errors\`, which names each fault by a JSON pointer. Programs should look at \`code\`.

| status | code | meaning |
|---|---|---|
${rows.join('\n')}
`
}

/** docs/events.md: every event and what it tells. */
export function eventsPage(): string {
  const rows = Object.entries(EVENT_TYPES).map(
    ([type, { app, resource, summary }]) => `| \`${type}\` | ${app} | ${resource} | ${summary} |`,
  )
  return `# Events

Each change and each read is told by one event, a CloudEvents 1.0 envelope in JSON (see asyncapi.json), published to NATS
JetStream as \`memoric.v1.<tenant id>.<type>\` in the stream \`MEMORIC_EVENTS\`. Events carry ids and structure, never content;
addresses, user agents and e-mails travel sealed, for the audit service only. An event may arrive more than once: its \`id\`
tells. The audit log keeps each once; its \`operation\` is the type of the event.

| type | emitted by | resource | meaning |
|---|---|---|---|
${rows.join('\n')}
`
}

/** docs/permissions.md: which role holds what. */
export function permissionsPage(): string {
  const rows = PERMISSIONS.map((permission) => {
    const marks = ROLES.map((role) => (ROLE_PERMISSIONS[role].includes(permission) ? 'yes' : ''))
    return `| \`${permission}\` | ${marks.join(' | ')} |`
  })
  return `# Roles and permissions

The roles \`user\` and \`read_only\` are confined to the one subject that is named like their user id. An API key holds the scopes
that it was made with, as long as the one who made it holds them too.

| permission | ${ROLES.join(' | ')} |
|---|${ROLES.map(() => '---|').join('')}
${rows.join('\n')}
`
}

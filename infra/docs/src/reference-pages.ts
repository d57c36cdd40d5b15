import { ERRORS } from '@memoric/contracts/error-codes.ts'
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

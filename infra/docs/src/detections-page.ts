import { type Detection, DETECTIONS } from '@memoric/contracts/detections.ts'

const INTRODUCTION = `# What is noticed

The audit service looks at every line of the log, a moment after it was committed, and raises an alert for what is below. A detection
that fails never keeps events from the log; how far the detections are behind is \`memoric_audit_lines_unnoticed\` in the metrics.

An alert names the detection, whom it is about, how often it was found, and the ids of the events that show it, of which each can be
proven to be in the log. The same about the same within the window lets an alert grow; after it was closed, or after a silence as long as
the window, another is raised. Times are those of the events, so it does not matter how late or in which order they arrive.

Of addresses and e-mails detections keep keyed hashes only. "An address" is its network: /24 of IPv4, /64 of IPv6.
`

const EPILOGUE = `
Each tenant changes threshold and window for itself, or switches a detection off, with \`PUT /v1/audit/detections/:id\` (\`admin:*\`);
\`GET /v1/audit/detections\` shows how they are set. A change is an event, and is noticed itself (\`audit_setting_change\`).

What a tenant does not log cannot be noticed: with the setting \`audit_reads\` at \`sampled\` or \`none\`, \`mass_read\` sees fewer reads or
none. \`new_key_address\`, \`dormant_key\` and \`unusual_hour\` know what is in the log, and forget a key or a user that was not seen for 400
days. \`far_time\` raises an alert as well where an outbox was cut off for longer than its threshold, and where a dead letter of that age
is given to the log once more. Failed sign-ins to accounts that do not exist belong to no tenant: alerts about them are in the log of the
audit service, as a warning, for the operator.
`

/** docs/detections.md: everything that is noticed, from the data that the audit service works by. */
export function detectionsPage(): string {
  const detections = Object.entries<Detection>(DETECTIONS)
  const rows = detections.map(([id, one]) => {
    const threshold = one.threshold === null ? 'each' : `${one.threshold.standard} ${one.threshold.unit}`
    return `| \`${id}\` | ${one.name}. ${one.meaning} | ${one.severity} | ${threshold} | ${minutes(one.window.standard)} | ${one.sources.join('; ')} |`
  })
  const bounds = detections.map(([id, one]) => {
    const { threshold, window } = one
    const ofThreshold = threshold === null ? '' : `${threshold.min} to ${threshold.max}`
    return `| \`${id}\` | ${ofThreshold} | ${window.min} to ${window.max} s | ${looksAt(one)} |`
  })
  return [
    INTRODUCTION,
    '| detection | what | severity | from | within | idea |\n|---|---|---|---|---|---|',
    rows.join('\n'),
    '\n| detection | threshold can be | window can be | looks at |\n|---|---|---|---|',
    bounds.join('\n') + '\n',
  ]
    .join('\n')
    .concat(EPILOGUE)
}

function looksAt({ pattern }: Detection): string {
  const matches = pattern.kind === 'after' ? [...pattern.of, ...pattern.then] : pattern.of
  return matches
    .map(({ on, status, detail, actors }) => {
      const operations = on === '*' ? 'everything' : on.map((operation) => `\`${operation}\``).join(', ')
      const by = actors === undefined ? '' : ` by ${actors.join(' or ')}`
      const answered = status === undefined ? '' : ` with ${status.join(' or ')}`
      const told = detail === undefined ? '' : ` with ${detail.name} ${detail.anyOf.join(' or ')}`
      return operations + by + answered + told
    })
    .join('; ')
}

function minutes(seconds: number): string {
  return seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`
}

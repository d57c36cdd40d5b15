import { AMBIGUOUS_REQUESTS, requestWriter } from '@memoric/testkit/hostile-requests.ts'
import { type Attack, attacks, judged, type Outcome } from '../attack.ts'
import type { Target } from '../target.ts'

/** What is smuggled would delete the victim's memory, with the victim's own credential. */
function hidden({ victim }: Target): string {
  const lines = [`DELETE /v1/memories/${victim.memoryId} HTTP/1.1`, 'host: x', `x-api-key: ${victim.apiKey}`, '', '']
  return lines.join('\r\n')
}

function writer(target: Target) {
  return requestWriter(target.attacker.apiKey, hidden(target))
}

/** Requests that have one meaning, and a hidden one that belongs to their body. */
const CONCEALED: readonly (readonly [string, (target: Target) => string])[] = [
  ['in a body', (target) => concealedIn(target, (body) => [`content-length: ${body.length}`, '', body])],
  [
    'in a chunk',
    (target) =>
      concealedIn(target, (body) => ['transfer-encoding: chunked', '', body.length.toString(16), body, '0', '', '']),
  ],
  [
    'in a chunk extension',
    (target) =>
      concealedIn(target, () => ['transfer-encoding: chunked', '', '2;x="DELETE / HTTP/1.1"', '{}', '0', '', '']),
  ],
  [
    'in a body that is refused',
    (target) => concealedIn(target, (body) => ['content-type: text/plain', `content-length: ${body.length}`, '', body]),
  ],
  [
    'behind an offer of h2c',
    (target) =>
      concealedIn(target, (body) => [
        'connection: upgrade',
        'upgrade: h2c',
        `content-length: ${body.length}`,
        '',
        body,
      ]),
  ],
  [
    'behind an offer of WebSocket',
    (target) =>
      concealedIn(target, (body) => [
        'connection: upgrade',
        'upgrade: websocket',
        `content-length: ${body.length}`,
        '',
        body,
      ]),
  ],
  [
    'behind Expect',
    (target) => concealedIn(target, (body) => ['expect: 100-continue', `content-length: ${body.length}`, '', body]),
  ],
  [
    'in a GET with a body',
    (target) => {
      const body = hidden(target)
      const head = ['GET /v1/memories HTTP/1.1', 'host: x', `x-api-key: ${target.attacker.apiKey}`]
      return [...head, `content-length: ${body.length}`, '', body].join('\r\n')
    },
  ],
]

function concealedIn(target: Target, framing: (body: string) => readonly string[]): string {
  const head = ['POST /v1/memories HTTP/1.1', 'host: x', `x-api-key: ${target.attacker.apiKey}`]
  return [...head, 'content-type: application/json', ...framing(hidden(target))].join('\r\n')
}

async function conceal(target: Target, bytes: string): Promise<Outcome> {
  const answers = await target.gateway.raw(bytes)
  return judged(answers, answers.length === 1)
}

/** Two requests on one connection, of two callers: each is answered as who it is, in its turn. */
async function pipeline({ gateway, attacker, victim }: Target): Promise<Outcome> {
  const ask = (key: string, more = '') => `GET /v1/auth/me HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\n${more}\r\n`
  const answers = await gateway.raw(ask(attacker.apiKey) + ask(victim.apiKey) + ask('mk_junk', 'connection: close\r\n'))
  const [first, second, third] = answers
  const isRight = first?.text.includes(attacker.tenantId) === true && second?.text.includes(victim.tenantId) === true
  return judged(answers, answers.length === 3 && isRight && third?.status === 401)
}

export const SMUGGLING_ATTACKS: readonly Attack[] = [
  ...attacks('smuggling', AMBIGUOUS_REQUESTS, async (target, write) => {
    const answers = await target.gateway.raw(write(writer(target)))
    return judged(answers, answers.length === 1 && answers.every(({ code }) => code === 'malformed_request'))
  }),
  ...attacks('smuggling in a body', CONCEALED, (target, make) => conceal(target, make(target))),
  { kind: 'pipelining', name: 'three callers on one connection', run: pipeline },
]

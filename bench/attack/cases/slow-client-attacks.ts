import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, Outcome } from '../attack.ts'
import type { Target } from '../target.ts'

/** Headers have 15 s, a request 30 s, and Node looks every 5 s. */
const PATIENCE_MS = 45_000

/** Sends `head` at once and then a byte every second, until somebody hangs up. Gives the status that came before. */
async function drip(port: number, head: string): Promise<string> {
  const socket = open(port)
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(head)
  const timer = setInterval(() => socket.write('x'), 1000)
  const abort = new AbortController()
  const late = sleep(PATIENCE_MS, 'still open', { signal: abort.signal }).catch(() => 'closed')
  const end = await Promise.race([closed.then(() => 'closed'), late])
  abort.abort()
  clearInterval(timer)
  socket.destroy()
  return end === 'closed' ? answer.slice(9, 12) : end
}

function open(port: number): Socket {
  return connect({ host: '127.0.0.1', port }).on('error', () => undefined)
}

const DRIPS: readonly (readonly [string, (key: string) => string])[] = [
  ['headers', () => 'GET /v1/memories HTTP/1.1\r\nx-slow: '],
  ['the first line', () => 'GET /'],
  ['a body', (key) => `${postLines(key)}content-length: 1000\r\n\r\n`],
  ['a chunk', (key) => `${postLines(key)}transfer-encoding: chunked\r\n\r\n3e8\r\n`],
]

function postLines(key: string): string {
  return `POST /v1/memories HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\n`
}

/** All of them at the same time, as each takes half a minute. */
async function dripAll({ port, attacker }: Target): Promise<Outcome> {
  const ends = await Promise.all(
    DRIPS.map(async ([name, head]) => `${name} ${await drip(port, head(attacker.apiKey))}`),
  )
  return { answer: ends.join(', '), held: ends.every((end) => end.endsWith('408')) }
}

/** Connections that say nothing keep nobody waiting. */
async function idle({ port, gateway, attacker }: Target): Promise<Outcome> {
  const sockets = Array.from({ length: 300 }, () => open(port))
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  for (const socket of sockets) socket.write('GET /v1/memories HTTP/1.1\r\n')
  const answer = await gateway.send({ path: '/v1/auth/me', headers: { 'x-api-key': attacker.apiKey } })
  for (const socket of sockets) socket.destroy()
  return { answer: `${answer.status} beside 300 connections`, held: answer.status === 200 }
}

/** Somebody who asks for much and reads nothing of it. */
async function neverReads({ port, gateway, attacker }: Target): Promise<Outcome> {
  const line = `GET /openapi.json HTTP/1.1\r\nhost: x\r\nx-api-key: ${attacker.apiKey}\r\n\r\n`
  const sockets = Array.from({ length: 10 }, () => open(port).pause())
  for (const socket of sockets) socket.write(line.repeat(100))
  await sleep(500)
  const answer = await gateway.send({ path: '/v1/auth/me', headers: { 'x-api-key': attacker.apiKey } })
  for (const socket of sockets) socket.destroy()
  return { answer: `${answer.status} beside 10 connections`, held: answer.status === 200 }
}

export const SLOW_CLIENT_ATTACKS: readonly Attack[] = [
  { kind: 'slow clients', name: 'one byte a second', slow: true, run: dripAll },
  { kind: 'slow clients', name: '300 connections that say nothing', run: idle },
  { kind: 'slow clients', name: '1000 answers that nobody reads', run: neverReads },
]

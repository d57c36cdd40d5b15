import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** One answer on a raw connection. */
export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Longest time that a server may think, ms. */
const PATIENCE_MS = 10_000

/** How long a connection that the client keeps open must be silent to count as done, ms. */
const QUIET_MS = 500

/** Sends bytes as they are (latin1), and gives everything that comes back until the server hangs up or has no more to say. */
export async function say(port: number, bytes: string | readonly string[]): Promise<string> {
  const parts = [bytes].flat()
  const quietMs = parts.some((part) => part.includes('connection: close')) ? PATIENCE_MS : QUIET_MS
  const socket = connect({ host: '127.0.0.1', port })
  let answer = ''
  let timer: NodeJS.Timeout | undefined
  const wait = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => socket.destroy(), ms)
  }
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.on('error', () => undefined)
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk
    wait(quietMs)
  })
  wait(PATIENCE_MS)
  for (const part of parts) {
    socket.write(part, 'latin1')
    await sleep(5)
  }
  await closed
  clearTimeout(timer)
  return answer
}

/** The answers of a connection, split by their content lengths. */
export function answersOf(text: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = text
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) throw new Error(`not an answer: ${rest}`)
    const head = rest.slice(0, end)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    answers.push({ status: Number(head.slice(9, 12)), head, body: rest.slice(end + 4, end + 4 + length) })
    rest = rest.slice(end + 4 + length)
  }
  return answers
}

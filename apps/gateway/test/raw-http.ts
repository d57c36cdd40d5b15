import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** One answer on a raw connection. */
export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends bytes as they are (latin1), and gives everything that comes back until the server hangs up or is silent for `quietMs`. */
export async function say(port: number, bytes: string | readonly string[], quietMs = 400): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  let answer = ''
  let timer: NodeJS.Timeout | undefined
  const done = Promise.withResolvers<string>()
  const rest = () => {
    clearTimeout(timer)
    timer = setTimeout(() => socket.destroy(), quietMs)
  }
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk
    rest()
  })
  socket.on('close', () => {
    clearTimeout(timer)
    done.resolve(answer)
  })
  for (const part of [bytes].flat()) {
    socket.write(part, 'latin1')
    await sleep(5)
  }
  rest()
  return done.promise
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

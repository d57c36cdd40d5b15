import { get, type ClientRequest, type IncomingMessage } from 'node:http'

/** A server-sent event as a client reads it. */
export interface SentEvent {
  readonly id: string | undefined
  readonly name: string
  readonly data: unknown
}

/** A client of a stream of server-sent events. */
export interface EventSource {
  readonly response: IncomingMessage
  readonly messages: readonly SentEvent[]
  /** Comments, such as heartbeats. */
  readonly comments: readonly string[]
  /** Resolves once the server has ended the stream, or the connection is gone. */
  readonly closed: Promise<void>
  close(): void
}

/** Opens a stream; whatever the status of the answer is. */
export async function openEventSource(url: string, headers: Readonly<Record<string, string>>): Promise<EventSource> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request: ClientRequest = get(url, { headers, agent: false }, resolve)
  request.on('error', reject)
  const response = await promise
  const [messages, comments]: [SentEvent[], string[]] = [[], []]
  let text = ''
  response.setEncoding('utf8')
  response.on('error', () => undefined)
  response.on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) readBlock(block, messages, comments)
  })
  const closed = new Promise<void>((done) => response.once('close', done))
  return { response, messages, comments, closed, close: () => request.destroy() }
}

function readBlock(block: string, messages: SentEvent[], comments: string[]): void {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon === 0) comments.push(line.slice(1).trim())
    else fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart())
  }
  const data = fields.get('data')
  if (data === undefined) return
  messages.push({ id: fields.get('id'), name: fields.get('event') ?? 'message', data: JSON.parse(data) })
}

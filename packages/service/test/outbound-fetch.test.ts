import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { OutboundError } from '../src/outbound-error.ts'
import { createOutboundFetch, type OutboundFetch, type OutboundOptions } from '../src/outbound-fetch.ts'

let server: Server
let port: number
let seen: { readonly request: IncomingMessage; readonly body: string }[] = []
let answer: RequestListener = () => undefined

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request).then(
      (body) => {
        seen.push({ request, body })
        answer(request, response)
      },
      () => undefined,
    )
  })
  port = await listen(server)
})
afterEach(() => {
  seen = []
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((closed) => server.close(closed))
})

async function listen(one: Server | TcpServer): Promise<number> {
  await new Promise<void>((listening) => one.listen(0, '127.0.0.1', listening))
  return (one.address() as AddressInfo).port
}

const inside = (options: Partial<OutboundOptions> = {}) => createOutboundFetch({ privateNetworks: true, ...options })
const outside = (options: Partial<OutboundOptions> = {}) => createOutboundFetch({ privateNetworks: false, ...options })

/** The code with which a request fails. */
async function failure(fetch: OutboundFetch, url: string, ...rest: [object?]): Promise<string> {
  const error: unknown = await fetch(url, ...rest).then(
    () => new Error('it was answered'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof OutboundError)) throw error
  return error.code
}

describe('where private networks are not allowed', () => {
  const refused: [string, string][] = [
    ['http://example.com/', 'scheme_not_allowed'],
    ['ftp://example.com/', 'scheme_not_allowed'],
    ['file:///etc/passwd', 'scheme_not_allowed'],
    ['gopher://example.com/', 'scheme_not_allowed'],
    ['data:text/plain,x', 'scheme_not_allowed'],
    ['javascript:1', 'scheme_not_allowed'],
    ['unix:/run/docker.sock', 'scheme_not_allowed'],
    ['', 'malformed_url'],
    ['/path', 'malformed_url'],
    ['https://', 'malformed_url'],
    ['https://256.256.256.256/', 'malformed_url'],
    ['https://[::1/', 'malformed_url'],
    ['https://user@example.com/', 'credentials_in_url'],
    ['https://user:password@example.com/', 'credentials_in_url'],
    ['https://example.com:443@127.0.0.1/', 'credentials_in_url'],
    ['https://example.com:22/', 'port_not_allowed'],
    ['https://example.com:25/', 'port_not_allowed'],
    ['https://example.com:80/', 'port_not_allowed'],
    ['https://example.com:0/', 'port_not_allowed'],
    ['https://127.0.0.1/', 'address_not_allowed'],
    ['https://127.0.0.1:8443/', 'address_not_allowed'],
    ['https://[::1]/', 'address_not_allowed'],
    ['https://0.0.0.0/', 'address_not_allowed'],
    ['https://0/', 'address_not_allowed'],
    ['https://[::]/', 'address_not_allowed'],
    ['https://10.1.2.3/', 'address_not_allowed'],
    ['https://169.254.169.254/latest/meta-data/', 'address_not_allowed'],
    ['https://[fd00:ec2::254]/', 'address_not_allowed'],
    ['https://[fe80::1]/', 'address_not_allowed'],
    ['https://[::ffff:127.0.0.1]/', 'address_not_allowed'],
    ['https://[::ffff:7f00:1]/', 'address_not_allowed'],
    ['https://[0:0:0:0:0:ffff:10.0.0.1]/', 'address_not_allowed'],
    ['https://[64:ff9b::127.0.0.1]/', 'address_not_allowed'],
    ['https://[2002:7f00:1::]/', 'address_not_allowed'],
    ['https://2130706433/', 'address_not_allowed'],
    ['https://0x7f000001/', 'address_not_allowed'],
    ['https://0x7f.1/', 'address_not_allowed'],
    ['https://0177.0.0.1/', 'address_not_allowed'],
    ['https://017700000001/', 'address_not_allowed'],
    ['https://127.1/', 'address_not_allowed'],
    ['https://127.0.0.1./', 'address_not_allowed'],
    ['https://%31%32%37.0.0.1/', 'address_not_allowed'],
    ['https://①②⑦.⓪.⓪.①/', 'address_not_allowed'],
    ['https://localhost/', 'address_not_allowed'],
    ['https://localhost./', 'address_not_allowed'],
    ['https://LOCALHOST:8443/', 'address_not_allowed'],
    ['https://db.localhost/', 'address_not_allowed'],
  ]
  test.each(refused)('%s is refused without a look-up', async (url, code) => {
    const resolve = () => Promise.reject(new Error('looked up'))
    expect(await failure(outside({ resolve }), url)).toBe(code)
  })

  test.each([
    ['a private address', ['10.0.0.1']],
    ['the address of this machine', ['127.0.0.1']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['a public address and a private one', ['93.184.215.14', '127.0.0.1']],
    ['the other way round', ['127.0.0.1', '93.184.215.14']],
    ['a public IPv4 and a private IPv6', ['93.184.215.14', 'fd00::1']],
    ['what is no address', ['db.internal']],
  ])('a name that means %s is refused', async (_what, addresses) => {
    const resolve = () => Promise.resolve(addresses)
    expect(await failure(outside({ resolve }), `https://rebound.example:${port}/`)).toBe('address_not_allowed')
    expect(seen).toHaveLength(0)
  })

  test('a name without an address cannot be told from one with a private address', async () => {
    const none = outside({ resolve: () => Promise.resolve([]) })
    const fails = outside({ resolve: () => Promise.reject(new Error('ENOTFOUND db.internal')) })
    const hidden = outside({ resolve: () => Promise.resolve(['10.0.0.1']) })
    const messages = await Promise.all(
      [none, fails, hidden].map((fetch) => fetch('https://db.internal/').catch((error: unknown) => String(error))),
    )
    expect(new Set(messages)).toEqual(new Set(['OutboundError: its host has no public address']))
  })

  test('a name is looked up once, and what was checked is what is connected to', async () => {
    const answers = [['93.184.215.14'], ['127.0.0.1'], ['127.0.0.1']]
    const asked: string[] = []
    const resolve = (host: string) => {
      asked.push(host)
      return Promise.resolve(answers.shift() ?? [])
    }
    const fetch = outside({ resolve, connectMs: 200 })
    expect(['unreachable', 'timed_out', 'tls_failed', 'broken_answer']).toContain(
      await failure(fetch, `https://rebound.example:${port}/`),
    )
    expect(asked).toEqual(['rebound.example'])
    expect(seen).toHaveLength(0)
  })
})

describe('where private networks are allowed', () => {
  test('plain HTTP to this machine works, also by name', async () => {
    answer = (_request, response) => response.setHeader('content-type', 'text/plain').end('hello')
    const direct = await inside()(`http://127.0.0.1:${port}/path?query=1`)
    expect([direct.status, direct.headers.get('content-type'), await direct.text()]).toEqual([
      200,
      'text/plain',
      'hello',
    ])
    const byName = await inside({ resolve: () => Promise.resolve(['127.0.0.1']) })(`http://idp.internal:${port}/`)
    expect(byName.status).toBe(200)
    expect(seen.map(({ request }) => [request.url, request.headers.host])).toEqual([
      ['/path?query=1', `127.0.0.1:${port}`],
      ['/', `idp.internal:${port}`],
    ])
  })

  test('other schemes and credentials are refused still', async () => {
    expect(await failure(inside(), 'ftp://127.0.0.1/')).toBe('scheme_not_allowed')
    expect(await failure(inside(), `http://user:password@127.0.0.1:${port}/`)).toBe('credentials_in_url')
    expect(seen).toHaveLength(0)
  })
})

test('method, headers and body arrive, and nothing else', async () => {
  answer = (_request, response) => response.writeHead(201).end()
  const headers = { 'content-type': 'application/json', host: 'forged.example' }
  const made = await inside()(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: '{"name":"Zoë"}' })
  expect(made.status).toBe(201)
  const [{ request, body } = { request: null, body: null }] = seen
  expect([request?.method, body]).toEqual(['POST', '{"name":"Zoë"}'])
  expect(request?.headers).toEqual({
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    'content-length': '15',
    'accept-encoding': 'identity',
    connection: 'close',
  })
})

test.each([204, 205, 400, 404, 500, 599])('status %i is an answer', async (status) => {
  answer = (_request, response) => response.writeHead(status).end()
  expect((await inside()(`http://127.0.0.1:${port}/`)).status).toBe(status)
})

test.each([300, 301, 302, 303, 304, 307, 308])('a redirect with status %i is not followed', async (status) => {
  answer = (_request, response) =>
    response.writeHead(status, { location: `http://127.0.0.1:${port}/latest/meta-data/` }).end('secret')
  expect(await failure(inside(), `http://127.0.0.1:${port}/`)).toBe('redirected')
  expect(seen).toHaveLength(1)
})

describe('a host that behaves badly', () => {
  const endless = (response: ServerResponse): void => {
    const go = (): void => {
      if (response.write('x'.repeat(16_384))) setImmediate(go)
      else response.once('drain', go)
    }
    response.writeHead(200)
    go()
  }

  test('an endless body is cut off at the limit', async () => {
    let sent: ServerResponse | undefined
    answer = (_request, response) => {
      sent = response
      endless(response)
    }
    expect(await failure(inside({ maxBytes: 100_000 }), `http://127.0.0.1:${port}/`)).toBe('too_large')
    await expect.poll(() => sent?.destroyed).toBe(true)
  })

  test('a body of exactly the limit is read, one byte more is not', async () => {
    answer = (request, response) => response.end('x'.repeat(Number(request.url?.slice(1))))
    const fetch = inside({ maxBytes: 1000 })
    expect(await (await fetch(`http://127.0.0.1:${port}/1000`)).text()).toHaveLength(1000)
    expect(await failure(fetch, `http://127.0.0.1:${port}/1001`)).toBe('too_large')
  })

  test('a compressed body is not unpacked', async () => {
    const packed = Buffer.from([0x1f, 0x8b, 0x08, 0x00])
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed)
    const got = await inside()(`http://127.0.0.1:${port}/`)
    expect(Buffer.from(await got.arrayBuffer())).toEqual(packed)
  })

  test('no answer at all', async () => {
    answer = () => undefined
    expect(await failure(inside({ totalMs: 100 }), `http://127.0.0.1:${port}/`)).toBe('timed_out')
  })

  test('an answer that drips', async () => {
    answer = (_request, response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(timer))
    }
    expect(await failure(inside({ totalMs: 150 }), `http://127.0.0.1:${port}/`)).toBe('timed_out')
  })

  test('a name that takes forever to look up', async () => {
    const never = new Promise<string[]>(() => undefined)
    expect(await failure(outside({ resolve: () => never, connectMs: 50 }), 'https://slow.example/')).toBe('timed_out')
    expect(await failure(outside({ resolve: () => never, totalMs: 50 }), 'https://slow.example/')).toBe('timed_out')
  })

  test('nobody listens', async () => {
    const other = createServer()
    const free = await listen(other)
    await new Promise((closed) => other.close(closed))
    expect(await failure(inside(), `http://127.0.0.1:${free}/`)).toBe('unreachable')
  })

  test('no TLS where there should be', async () => {
    answer = (_request, response) => response.end('plain')
    expect(await failure(inside(), `https://127.0.0.1:${port}/`)).toBe('tls_failed')
    expect(seen).toHaveLength(0)
  })

  test('TLS that never comes', async () => {
    const sockets: Socket[] = []
    const silent = createTcpServer((socket) => void sockets.push(socket))
    const silentPort = await listen(silent)
    expect(await failure(inside({ connectMs: 100 }), `https://127.0.0.1:${silentPort}/`)).toBe('timed_out')
    for (const socket of sockets) socket.destroy()
    silent.close()
  })

  test.each([
    ['what is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['half a head', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'],
    ['a head of 100 KB', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'],
  ])('%s', async (_what, said) => {
    const odd = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(said))
    })
    const oddPort = await listen(odd)
    expect(await failure(inside(), `http://127.0.0.1:${oddPort}/`)).toBe('broken_answer')
    odd.close()
  })
})

test('whoever asked may stop asking', async () => {
  answer = () => undefined
  const signal = AbortSignal.timeout(50)
  expect(await failure(inside(), `http://127.0.0.1:${port}/`, { signal })).toBe('timed_out')
})

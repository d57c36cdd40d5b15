import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type SMTPServerOptions, SMTPServer } from 'smtp-server'
import { expect, onTestFinished, test } from 'vitest'
import { MailRefused } from '@memoric/service/mail/mail.ts'
import { createSmtpSender } from '@memoric/service/mail/smtp-sender.ts'

const FROM = 'Memoric <memoric@example.com>'
const mail = { to: 'ada@example.org', subject: 'Zoë’s mail', text: 'Ein Wort: füße\n.\nof two lines\n' }
const patient = () => AbortSignal.timeout(10_000)

interface Received {
  readonly from: string
  readonly to: readonly string[]
  readonly content: string
  readonly secure: boolean
}

/** A real SMTP server, by default with neither a login nor TLS. */
async function startServer(options: SMTPServerOptions = {}) {
  const received: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    onData(stream, session, done) {
      let content = ''
      stream.setEncoding('utf8')
      stream.on('data', (chunk: string) => (content += chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom === false ? '' : mailFrom.address
        received.push({ from, to: rcptTo.map(({ address }) => address), content, secure: session.secure })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { received, address: `127.0.0.1:${(server.server.address() as AddressInfo).port}` }
}

/** A server that speaks as it likes. */
async function startOddServer(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a mail arrives as it was written, from and to whom it says', async () => {
  const { received, address } = await startServer()
  await createSmtpSender(`smtp://${address}`, FROM).send(mail, patient())
  expect(received).toMatchObject([{ from: 'memoric@example.com', to: [mail.to] }])
  const [headers = '', body = ''] = received[0]!.content.split('\r\n\r\n')
  expect(headers).toMatch(/^From: Memoric <memoric@example.com>$/m)
  expect(headers).toMatch(/^Auto-Submitted: auto-generated$/m)
  expect(headers).toMatch(/^Content-Transfer-Encoding: quoted-printable$/m)
  expect(body.replaceAll('=C3=BC', 'ü').replaceAll('=C3=9F', 'ß').replaceAll('\r\n', '\n')).toContain(mail.text)
})

test('it signs in with what the URL says, percent-encoded', async () => {
  const seen: unknown[] = []
  const { received, address } = await startServer({
    authOptional: false,
    disabledCommands: ['STARTTLS'],
    onAuth({ username, password }, _session, done) {
      seen.push([username, password])
      done(null, password === 'p@ss:w/rd' ? { user: 'x' } : {})
    },
  })
  await createSmtpSender(`smtp://me%40example.com:p%40ss%3Aw%2Frd@${address}`, FROM).send(mail, patient())
  expect(seen).toEqual([['me@example.com', 'p@ss:w/rd']])
  expect(received).toHaveLength(1)
  const wrong = createSmtpSender(`smtp://me:wrong@${address}`, FROM).send(mail, patient())
  await expect(wrong).rejects.toThrow('535')
  await expect(wrong).rejects.not.toBeInstanceOf(MailRefused)
})

test('STARTTLS that is required and not offered is no way to send', async () => {
  const { received, address } = await startServer()
  await expect(createSmtpSender(`smtp://${address}?requireTLS=true`, FROM).send(mail, patient())).rejects.toThrow(
    'ETLS',
  )
  expect(received).toEqual([])
})

test.each(['smtp', 'smtps'])('a certificate that nobody vouches for is refused over %s', async (protocol) => {
  const { received, address } = await startServer({ secure: protocol === 'smtps', disabledCommands: ['AUTH'] })
  const url = `${protocol}://${address}${protocol === 'smtp' ? '?requireTLS=true' : ''}`
  await expect(createSmtpSender(url, FROM).send(mail, patient())).rejects.toThrow(/ETLS|ESOCKET/)
  expect(received).toEqual([])
})

test('an address that the server refuses for good is given up, and not named', async () => {
  const { address } = await startServer({
    onRcptTo({ address: to }, _session, done) {
      done(Object.assign(new Error(`no such user: ${to}`), { responseCode: 550 }))
    },
  })
  const error: unknown = await createSmtpSender(`smtp://${address}`, FROM)
    .send(mail, patient())
    .catch((one: unknown) => one)
  expect(error).toBeInstanceOf(MailRefused)
  expect((error as Error).message).toContain('550')
  expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('ada')
})

test('one that it refuses for now is tried again', async () => {
  const { address } = await startServer({
    onRcptTo(_address, _session, done) {
      done(Object.assign(new Error('mailbox busy'), { responseCode: 450 }))
    },
  })
  const sending = createSmtpSender(`smtp://${address}`, FROM).send(mail, patient())
  await expect(sending).rejects.toThrow('450')
  await expect(sending).rejects.not.toBeInstanceOf(MailRefused)
})

test.each([
  ['hangs before it greets', () => undefined],
  ['hangs after it greeted', (socket: Socket) => void socket.write('220 hello\r\n')],
])('a server that %s is left when the signal says so', async (_name, behave) => {
  const address = await startOddServer(behave)
  const started = performance.now()
  await expect(createSmtpSender(`smtp://${address}`, FROM).send(mail, AbortSignal.timeout(200))).rejects.toThrow()
  expect(performance.now() - started).toBeLessThan(5000)
})

test('a server that drops the connection in the middle is tried again', async () => {
  const address = await startOddServer((socket) => {
    socket.write('220 hello\r\n')
    socket.once('data', () => socket.destroy())
  })
  await expect(createSmtpSender(`smtp://${address}`, FROM).send(mail, patient())).rejects.toThrow(
    /no mail server took it/,
  )
})

test('a server that is not there is tried again', async () => {
  await expect(createSmtpSender('smtp://127.0.0.1:1', FROM).send(mail, patient())).rejects.toThrow('ESOCKET')
})

test.each([
  'a@example.org, b@example.org',
  'a@example.org\r\nBcc: b@example.org',
  'a@example.org>\r\nRCPT TO:<b@example.org',
  '"x" <a@example.org>',
])('an address cannot be several, nor bring headers or commands: %j', async (to) => {
  const { received, address } = await startServer()
  await createSmtpSender(`smtp://${address}`, FROM)
    .send({ ...mail, to }, patient())
    .catch(() => undefined)
  for (const { to: recipients, content } of received) {
    expect(recipients).not.toContain('b@example.org')
    expect(recipients.length).toBeLessThanOrEqual(1)
    expect(content).not.toMatch(/^bcc:/im)
  }
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { SMTPServer } from 'smtp-server'
import { expect, onTestFinished, test } from 'vitest'
import { queueMail } from '../src/mail/mail-queue.ts'
import { processSettings } from './auth-settings.ts'
import { randomEmail } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Auth as a process of its own that hands its mails to the server at a port. */
function startProcess(port: number) {
  const env = {
    ...processSettings,
    ...auth.settings(),
    LOG_LEVEL: 'error',
    PORT: '0',
    MAIL_SMTP_URL: `smtp://127.0.0.1:${port}`,
  }
  const child = spawn(process.execPath, ['--disable-warning=FSTDEP023', program], { env, stdio: 'inherit' })
  const exited = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  onTestFinished(kill)
  return kill
}

test('a mail outlives the process that is killed while it sends it', { timeout: 60_000 }, async () => {
  const to = randomEmail()
  const on = { keys: auth.deps.keys, mail: { isOn: true } }
  const invitation = {
    token: 'mi_token',
    tenantName: 'Acme',
    inviter: null,
    role: 'user',
    expiresAt: '2026-12-01T00:00:00.000Z',
  } as const
  await systemFlight(auth.deps.sql, (tx) => [queueMail(tx, on, { kind: 'invitation', to, ...invitation })])

  const hanging = await startHangingServer()
  const kill = startProcess(hanging.port)
  await expect.poll(hanging.connections, { timeout: 30_000 }).toBeGreaterThan(0)
  await kill()
  const left = await auth.admin`select attempts from mail_queue`
  expect([...left]).toEqual([{ attempts: 1 }])

  const working = await startWorkingServer()
  await auth.admin`update mail_queue set next_attempt_at = now()` // As if the minute were over that it was taken for.
  startProcess(working.port)
  await expect.poll(working.recipients, { timeout: 30_000 }).toEqual([to])
  await expect.poll(() => auth.admin`select 1 from mail_queue`).toHaveLength(0)
})

async function startHangingServer() {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connections: () => sockets.length }
}

async function startWorkingServer() {
  const recipients: string[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, { envelope }, done) {
      stream.resume().on('end', () => {
        recipients.push(...envelope.rcptTo.map(({ address }) => address))
        done()
      })
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { port: (server.server.address() as AddressInfo).port, recipients: () => recipients }
}

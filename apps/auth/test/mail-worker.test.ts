import { setTimeout as sleep } from 'node:timers/promises'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Mail, MailNotSent, MailRefused, type MailSender } from '@memoric/service/mail/mail.ts'
import { openRequest, queueMail, sealRequest } from '../src/mail/mail-queue.ts'
import type { NewMailRequest } from '../src/mail/mail-request.ts'
import { claimMail } from '../src/mail/mail-queue-repository.ts'
import { createMailTexts } from '../src/mail/mail-texts.ts'
import { createMailWorker, type MailWorker, type MailWorkerOptions } from '../src/mail/mail-worker.ts'
import { prepareMails } from '../src/mail/prepare-mails.ts'
import { PASSWORD, randomEmail, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

// Its own mails are off: what is in the queue is left to the workers of the tests.
const auth = useAuth()
const workers: MailWorker[] = []
const lines: string[] = []

beforeEach(() => auth.admin`truncate mail_queue, mail_counts`)
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.close()
  lines.length = 0
})

/** A mail server that does as it is told, and keeps what it took. */
function fakeServer(answer: (mail: Mail, signal: AbortSignal) => Promise<void> = () => Promise.resolve()) {
  const sent: Mail[] = []
  const sender: MailSender = {
    async send(mail, signal) {
      await answer(mail, signal)
      sent.push(mail)
    },
  }
  return { sent, sender }
}

function startWorker(sender: MailSender, more: Partial<MailWorkerOptions> = {}): MailWorker {
  const { sql, keys, events } = auth.deps
  const source = { keys, events, texts: createMailTexts('http://127.0.0.1:3456') }
  const worker = createMailWorker({
    sql,
    log: createLogger({ app: 'auth', level: 'info', destination: { write: (line: string) => void lines.push(line) } }),
    sender,
    async prepare(tx, id, sealed) {
      const { mails, next } = await prepareMails(tx, source, openRequest(keys, id, sealed))
      return next === undefined ? { mails } : { mails, replacement: sealRequest(keys, id, next) }
    },
    pollMs: 20,
    firstRetryMs: 10,
    ...more,
  })
  workers.push(worker)
  return worker
}

const invitation = (to: string): NewMailRequest => ({
  kind: 'invitation',
  to,
  token: 'mi_token',
  tenantName: 'Acme',
  inviter: 'Ada',
  role: 'user',
  expiresAt: '2026-12-01T00:00:00.000Z',
})
const origin = {
  caller: {
    tenantId: PLATFORM_TENANT,
    principal: { type: 'anonymous' as const, id: 'anonymous' },
    sessionId: null,
    permissions: [],
    subjects: [],
    namespaces: [],
    requestId: 'r',
    clientAddress: '192.0.2.1',
    userAgent: null,
  },
  endpoint: '/v1/auth/forgot-password',
  method: 'POST',
}
const on = () => ({ keys: auth.deps.keys, mail: { isOn: true } })
const queue = (request: NewMailRequest) => systemFlight(auth.deps.sql, (tx) => [queueMail(tx, on(), request)])
const waiting = () => auth.admin`select id, attempts from mail_queue`
const log = () => lines.join('')

test('what is queued is sent and leaves the queue', async () => {
  const { sent, sender } = fakeServer()
  const to = randomEmail()
  await queue(invitation(to))
  startWorker(sender)
  await expect.poll(() => sent).toMatchObject([{ to, text: expect.stringContaining('mi_token') }])
  await expect.poll(waiting).toHaveLength(0)
})

test('a mail waits sealed', async () => {
  const to = randomEmail()
  await queue(invitation(to))
  const [row] = await auth.admin<{ text: string }[]>`select encode(request_sealed, 'escape') as text from mail_queue`
  for (const word of [to, 'mi_token', 'Acme', 'invitation']) expect(row!.text).not.toContain(word)
})

test('a row that is put in the place of another does not open', async () => {
  const [first, second] = [randomEmail(), randomEmail()]
  await queue(invitation(first))
  await queue(invitation(second))
  await auth.admin`update mail_queue set request_sealed = (select request_sealed from mail_queue order by id limit 1)`
  const { sent, sender } = fakeServer()
  startWorker(sender, { firstRetryMs: 60_000 })
  await expect.poll(() => sent.map(({ to }) => to)).toEqual([first])
  await expect.poll(log).toContain('it will be tried again')
})

test('a worker that is woken does not wait for its next look', async () => {
  const { sent, sender } = fakeServer()
  const worker = startWorker(sender, { pollMs: 60_000 })
  await sleep(100)
  await queue(invitation(randomEmail()))
  worker.wake()
  await expect.poll(() => sent).toHaveLength(1)
})

test('several processes share the work: each mail is sent once', async () => {
  const { sent, sender } = fakeServer(() => sleep(5))
  const addresses = Array.from({ length: 60 }, randomEmail)
  await Promise.all(addresses.map((to) => queue(invitation(to))))
  for (let count = 0; count < 3; count += 1) startWorker(sender)
  await expect.poll(waiting, { timeout: 10_000 }).toHaveLength(0)
  expect(sent.map(({ to }) => to).sort()).toEqual(addresses.sort())
})

test('a mail that the server does not take is tried again, later each time', async () => {
  let left = 3
  const { sent, sender } = fakeServer(() =>
    left-- > 0 ? Promise.reject(new MailNotSent('the mail server answered 451 (EMESSAGE)')) : Promise.resolve(),
  )
  const to = randomEmail()
  await queue(invitation(to))
  startWorker(sender)
  await expect.poll(() => sent, { timeout: 5000 }).toHaveLength(1)
  const delays = lines.map((line) => (JSON.parse(line) as { delayMs?: number }).delayMs)
  expect(delays).toEqual([10, 20, 40])
  expect(log()).toContain('451')
  expect(log()).not.toContain(to)
})

test('it is given up after ten attempts, with an error and a figure', async () => {
  const { sender } = fakeServer(() => Promise.reject(new MailNotSent('down')))
  await queue(invitation(randomEmail()))
  await auth.admin`update mail_queue set attempts = 9`
  const worker = startWorker(sender)
  await expect.poll(waiting).toHaveLength(0)
  await expect.poll(() => worker.givenUp()).toBe(1)
  expect(log()).toContain('a mail was given up')
})

test('it is given up at once when nobody takes mail for the address', async () => {
  const { sender } = fakeServer(() => Promise.reject(new MailRefused('the mail server answered 550 (EENVELOPE)')))
  await queue(invitation(randomEmail()))
  const worker = startWorker(sender)
  await expect.poll(waiting).toHaveLength(0)
  expect(worker.givenUp()).toBe(1)
})

test('a mail that waits for its next attempt keeps no other from leaving', async () => {
  const [bad, good] = [randomEmail(), randomEmail()]
  const { sent, sender } = fakeServer(({ to }) =>
    to === bad ? Promise.reject(new MailNotSent('no')) : Promise.resolve(),
  )
  await queue(invitation(bad))
  await queue(invitation(good))
  startWorker(sender, { firstRetryMs: 60_000 })
  await expect.poll(() => sent.map(({ to }) => to)).toEqual([good])
})

test('a process that dies while it sends leaves the mail to another', async () => {
  const { sent, sender } = fakeServer()
  await queue(invitation(randomEmail()))
  const [[claimed]] = await systemFlight(auth.deps.sql, (tx) => [claimMail(tx, 500)])
  expect(claimed).toMatchObject({ attempts: 1 })
  startWorker(sender)
  await sleep(100)
  expect(sent).toEqual([])
  await expect.poll(() => sent).toHaveLength(1)
})

test('a mail that is sent again has another token, and its request is told once', async () => {
  const owner = await signUp(auth)
  let failures = 1
  const texts: string[] = []
  const { sent, sender } = fakeServer(({ text }) => {
    texts.push(text)
    return failures-- > 0 ? Promise.reject(new MailNotSent('down')) : Promise.resolve()
  })
  await queue({ kind: 'password_reset', to: owner.email, origin })
  startWorker(sender)
  await expect.poll(() => sent).toHaveLength(1)
  expect(texts).toHaveLength(2)
  expect(texts[0]).not.toBe(texts[1])
  const events = (await auth.events('auth.password.reset_requested')).filter(
    ({ tenantid }) => tenantid === owner.tenantId,
  )
  expect(events).toHaveLength(1)
})

test('a registration whose mail failed is not made again', async () => {
  const to = randomEmail()
  let failures = 2
  const { sent, sender } = fakeServer(() =>
    failures-- > 0 ? Promise.reject(new MailNotSent('down')) : Promise.resolve(),
  )
  const passwordHash = await auth.deps.passwords.hash(PASSWORD)
  await queue({ kind: 'registration', to, origin, tenantName: 'Acme', passwordHash })
  startWorker(sender)
  await expect.poll(() => sent).toMatchObject([{ to, subject: expect.stringContaining('Confirm') }])
  const users = await auth.admin`select 1 from users where email_index = ${auth.deps.keys.emailIndex(to)}`
  expect(users).toHaveLength(1)
})

test('a mail that cannot be made is tried again, and nothing of it is kept', async () => {
  const owner = await signUp(auth)
  const { sender } = fakeServer()
  await queue({ kind: 'password_reset', to: owner.email, origin })
  await auth.admin`alter table outbox rename to outbox_away`
  startWorker(sender, { firstRetryMs: 60_000 })
  try {
    await expect.poll(log).toContain('it will be tried again')
  } finally {
    await auth.admin`alter table outbox_away rename to outbox`
  }
  expect(await auth.admin`select 1 from one_time_tokens where user_id = ${owner.userId}`).toHaveLength(0)
})

test('a mail that takes too long is stopped before another process may take it', async () => {
  const { sender } = fakeServer(
    (_mail, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new MailNotSent('stopped')))),
  )
  await queue(invitation(randomEmail()))
  startWorker(sender, { leaseMs: 1000, firstRetryMs: 60_000 })
  await expect.poll(log, { timeout: 5000 }).toContain('it will be tried again')
  expect(await waiting()).toMatchObject([{ attempts: 1 }])
})

test('closing lets a mail finish', async () => {
  const slow = fakeServer(() => sleep(300))
  await queue(invitation(randomEmail()))
  const worker = startWorker(slow.sender)
  await expect.poll(waiting).toMatchObject([{ attempts: 1 }])
  await worker.close()
  expect(slow.sent).toHaveLength(1)
  expect(await waiting()).toHaveLength(0)
})

test('five mails of a kind go to an address in an hour, and then none, whatever its case', async () => {
  const { sender } = fakeServer()
  const to = randomEmail()
  for (let count = 0; count < 20; count += 1) await queue(invitation(count % 2 === 0 ? to : to.toUpperCase()))
  await queue({ kind: 'already_registered', to })
  await queue(invitation(randomEmail()))
  expect(await waiting()).toHaveLength(7)
  await auth.admin`update mail_counts set since = since - interval '61 minutes'`
  await queue(invitation(to))
  expect(await waiting()).toHaveLength(8)
  startWorker(sender)
  await expect.poll(waiting).toHaveLength(0)
})

test('of many that ask at once no more than five get through', async () => {
  const to = randomEmail()
  await Promise.all(Array.from({ length: 40 }, () => queue(invitation(to))))
  expect(await waiting()).toHaveLength(5)
})

test('mails that others cause do not keep the notices of an account away', async () => {
  const owner = await signUp(auth)
  const notice = {
    kind: 'security_notice',
    tenantId: owner.tenantId,
    userId: owner.userId,
    text: 'Changed.',
  } as NewMailRequest
  for (let count = 0; count < 10; count += 1) await queue({ kind: 'password_reset', to: owner.email, origin })
  await queue(notice)
  const { sent, sender } = fakeServer()
  startWorker(sender)
  await expect.poll(() => sent.filter(({ text }) => text.includes('Changed.'))).toHaveLength(1)
})

test('without a way to send mails nothing is queued, and the answers are the same', async () => {
  expect(auth.deps.mail.isOn).toBe(false)
  const owner = await signUp(auth)
  for (const path of ['/v1/auth/forgot-password', '/v1/auth/verify-email/resend']) {
    expect(await auth.call('POST', path, { email: owner.email })).toMatchObject({ status: 202, body: {} })
  }
  expect(await waiting()).toHaveLength(0)
  expect(await auth.admin`select 1 from mail_counts`).toHaveLength(0)
})

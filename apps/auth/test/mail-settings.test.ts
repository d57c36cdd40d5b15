import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@memoric/service/logger.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { createDeps } from '../src/deps.ts'
import { createFileSender } from '@memoric/service/mail/file-sender.ts'
import { createMailSender } from '../src/mail/mail-sender.ts'
import { testConfig } from './auth-settings.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const sender = (settings: Record<string, string>) => createMailSender(testConfig({ ...auth.settings(), ...settings }))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memoric-mail-'))
})
afterAll(() => rm(folder, { recursive: true }))

const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

test('mails are written one a file, which nobody else can read', async () => {
  const directory = join(folder, 'made', 'when needed')
  const files = createFileSender(directory, 'Memoric <memoric@localhost>')
  const mail = { to: 'ada@example.com', subject: 'A mail', text: 'Its text, füßig.\n' }
  await Promise.all(Array.from({ length: 5 }, () => files.send(mail, AbortSignal.timeout(1000))))
  const names = await readdir(directory)
  expect(names).toHaveLength(5)
  for (const name of names) {
    expect(name).toMatch(/^[-0-9a-f]{36}\.eml$/)
    expect(await mode(join(directory, name))).toBe('600')
  }
  expect(await mode(directory)).toBe('700')
  const message = await readFile(join(directory, names[0]!), 'utf8')
  expect(message).toMatch(/^From: Memoric <memoric@localhost>\nTo: ada@example.com\nSubject: A mail\n/)
  expect(message.endsWith('\n\nIts text, füßig.\n')).toBe(true)
})

test('without an address to send to, mail is off, and the log says what to do', async () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLogger({ app: 'auth', level: 'info', destination })
  const deps = await createDeps(testConfig(auth.settings()), log)
  await deps.closer.close()
  expect(deps.mail.isOn).toBe(false)
  expect(lines.filter((line) => line.includes('mail is off: set MAIL_SMTP_URL'))).toHaveLength(1)
})

test('a server and a folder at once are refused', () => {
  const both = { MAIL_SMTP_URL: 'smtp://127.0.0.1', MAIL_DIRECTORY: '/tmp' }
  expect(() => sender(both)).toThrow('Set MAIL_SMTP_URL or MAIL_DIRECTORY, not both.')
})

test('registration that waits for a mail is refused without mail', async () => {
  const config = testConfig({ ...auth.settings(), REGISTRATION: 'verified' })
  const log = createLogger({ app: 'auth', level: 'silent' })
  await expect(createDeps(config, log)).rejects.toThrow('REGISTRATION=verified needs mail')
})

test.each(['http://mail.example', 'mail.example:25'])('%s is no mail server', (MAIL_SMTP_URL) => {
  expect(() => sender({ MAIL_SMTP_URL })).toThrow('MAIL_SMTP_URL')
})

test('a login that is not percent-encoded is refused, and not repeated', () => {
  expect(() => sender({ MAIL_SMTP_URL: 'smtp://me:100%secret@mail.example' })).toThrow(
    'MAIL_SMTP_URL: user and password must be percent-encoded.',
  )
})

test('the figures of the mails are among the metrics', async () => {
  const token = 'a-token-for-operators'
  const config = testConfig({ ...auth.settings(), METRICS_TOKEN: token })
  const app = await buildApp(config, auth.deps)
  const answer = await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${token}` } })
  await app.close()
  for (const name of ['waiting', 'oldest_seconds', 'given_up']) {
    expect(answer.body).toMatch(new RegExp(`^memoric_mails_${name}\\{app="auth"\\} 0$`, 'm'))
  }
})

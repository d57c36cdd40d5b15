import { readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mkdtempSync } from 'node:fs'
import { afterAll, expect } from 'vitest'
import type { TestAuth } from './use-auth.ts'

export interface ReceivedMail {
  readonly to: string
  readonly subject: string
  readonly text: string
  /** Tokens in it, in their order. */
  readonly tokens: readonly string[]
}

export interface Mailbox {
  /** For `useAuth`. */
  readonly settings: { readonly MAIL_DIRECTORY: string }
  /** Everything that was sent to an address so far, oldest first. */
  readonly mailsTo: (address: string) => Promise<readonly ReceivedMail[]>
  /** The newest mail to an address with this in its subject or text, as soon as it is there. */
  readonly mailTo: (address: string, about?: string) => Promise<ReceivedMail>
}

/** The mails that auth writes into a folder of this test file. */
export function useMailbox(): Mailbox {
  const directory = mkdtempSync(join(tmpdir(), 'memoric-mail-'))
  afterAll(() => rm(directory, { recursive: true, force: true }))
  const mailsTo = async (address: string) => {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.eml')).sort()
    const mails = await Promise.all(names.map(async (name) => parse(await readFile(join(directory, name), 'utf8'))))
    return mails.filter(({ to }) => to === address)
  }
  const mailTo = async (address: string, about = '') => {
    const find = async () =>
      (await mailsTo(address)).findLast(({ subject, text }) => `${subject}\n${text}`.includes(about))
    await expect.poll(find, { timeout: 10_000, message: `a mail to ${address}` }).toBeDefined()
    return (await find())!
  }
  return { settings: { MAIL_DIRECTORY: directory }, mailsTo, mailTo }
}

function parse(message: string): ReceivedMail {
  const end = message.indexOf('\n\n')
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(message.slice(0, end))?.[1] ?? ''
  const text = message.slice(end + 2)
  return { to: header('To'), subject: header('Subject'), text, tokens: text.match(/\bm[a-z]_[0-9A-Za-z]{49}\b/g) ?? [] }
}

/** Waits until every mail that was asked for is sent, or found to be for nobody. */
export async function mailsAreDone({ admin }: Pick<TestAuth, 'admin'>): Promise<void> {
  await expect.poll(() => admin`select 1 from mail_queue`, { timeout: 10_000 }).toHaveLength(0)
}

import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { uuidV7 } from '../uuid-v7.ts'
import type { Mail, MailSender } from './mail.ts'

/** Writes each mail as a file that only the owner of the process can read; the names sort by time. */
export function createFileSender(directory: string, from: string): MailSender {
  return {
    async send(mail) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const path = join(directory, `${uuidV7()}.eml`)
      await writeFile(`${path}.part`, message(mail, from), { mode: 0o600, flag: 'wx' })
      await rename(`${path}.part`, path)
    },
  }
}

/** RFC 5322, with the text as it is: these files are for people. */
function message({ to, subject, text }: Mail, from: string): string {
  const headers = [
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
  ]
  return `${headers.join('\n')}\n\n${text}`
}

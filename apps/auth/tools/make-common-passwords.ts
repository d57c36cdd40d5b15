// Makes src/passwords/common-passwords.bin from lists of passwords, the most common first; common-passwords.md beside it says from which.
// node apps/auth/tools/make-common-passwords.ts <list>…
import { readFileSync, writeFileSync } from 'node:fs'
import { createFilter } from '../src/passwords/common-passwords.ts'
import { fold } from '../src/passwords/password-forms.ts'

/** No password is shorter. */
const MIN_LENGTH = 8
/** The most common of a list are also kept when they are shorter: passwords repeat them. */
const SHORT_WORDS = 20_000
const MIN_SHORT_LENGTH = 4
const BITS_EACH = 20

const lists = process.argv.slice(2).map((file) =>
  readFileSync(file, 'utf8')
    .split(/\r?\n/)
    .map((line) => fold(line)),
)
const texts = new Set<string>()
for (const list of lists) {
  for (const [rank, text] of list.entries()) {
    if (text.length >= (rank < SHORT_WORDS ? MIN_SHORT_LENGTH : MIN_LENGTH)) texts.add(text)
  }
}

const filter = createFilter(texts, texts.size, BITS_EACH)
writeFileSync(new URL('../src/passwords/common-passwords.bin', import.meta.url), filter)
const ofLength = (least: number) => [...texts].filter((text) => Array.from(text).length >= least).length
process.stdout.write(
  `${texts.size} texts, ${ofLength(MIN_LENGTH)} of 8 characters or more, ${ofLength(15)} of 15 or more: ${filter.length} bytes\n`,
)

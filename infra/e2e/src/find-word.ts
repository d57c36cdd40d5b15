import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where a word was found, and as what. */
export interface Finding {
  readonly place: string
  readonly encoding: string
  readonly around: string
}

type Needle = readonly [encoding: string, needle: string]

/** Finds a word of letters in bytes: as it is and in other cases, in UTF-16, in base64 wherever it begins, in hex and escaped for JSON. */
export interface WordFinder {
  (place: string, bytes: Buffer): Finding[]
}

export function createWordFinder(word: string): WordFinder {
  const spellings = [...new Set([word, word.toLowerCase()])]
  const exact = spellings.flatMap((text) => [0, 1, 2].map((before) => base64Of(text, before)))
  const folded = [...textOf(word.toLowerCase()), ...spellings.flatMap((text) => [hexOf(text), escapedOf(text)])]
  return (place, bytes) => {
    const text = bytes.toString('latin1')
    const lower = text.toLowerCase()
    return [...search(place, text, exact), ...search(place, lower, folded)]
  }
}

function textOf(word: string): Needle[] {
  const wide = Buffer.from(word, 'utf16le')
  return [
    ['UTF-8', word],
    ['UTF-16LE', wide.toString('latin1')],
    ['UTF-16BE', Buffer.from(wide).swap16().toString('latin1')],
  ]
}

/** The characters of base64 that depend on the word alone when so many bytes are before it. */
function base64Of(word: string, before: number): Needle {
  const encoded = Buffer.from('\0'.repeat(before) + word).toString('base64')
  const end = Math.floor(((before + word.length) * 8) / 6)
  return [`base64 after ${before}`, encoded.slice(Math.ceil((before * 8) / 6), end)]
}

function hexOf(word: string): Needle {
  return ['hex', Buffer.from(word).toString('hex')]
}

function escapedOf(word: string): Needle {
  const codes = word.replaceAll(/./g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return ['escaped for JSON', codes]
}

function search(place: string, text: string, needles: readonly Needle[]): Finding[] {
  return needles.flatMap(([encoding, needle]) => {
    const at = text.indexOf(needle)
    return at === -1 ? [] : [{ place, encoding, around: text.slice(Math.max(0, at - 60), at + needle.length + 60) }]
  })
}

/** Every file below a folder with its path from there. Files that go away meanwhile are left out. */
export async function* filesBelow(folder: string): AsyncGenerator<readonly [path: string, bytes: Buffer]> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path).catch(() => null)
    if (bytes !== null) yield [path.slice(folder.length + 1), bytes]
  }
}

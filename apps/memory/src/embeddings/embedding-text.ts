import { createHash } from 'node:crypto'
import type { PrivateAttributes } from '../memories/private-attributes.ts'

/** Another number for every change of how texts are given to a model: vectors are made anew. */
const TEXT_FORM = 1

/** Longest text that is given away, UTF-16 units: what follows would not fit into most models. */
const MOST_TEXT = 8000

const HASH_BYTES = 16

/** What a model is given of a memory: who said it, and what. */
export function embeddingText({ speaker, content }: Pick<PrivateAttributes, 'speaker' | 'content'>): string {
  return cut(speaker === null ? content : `${speaker}: ${content}`)
}

const QUOTES = /["“”„]/gu
const EXCLUDED = /(^|\s)-(?:"[^"]*"|(?=[\p{L}\p{N}])[^\s"]+)/gu

/** What a model is given of a query: without what is excluded, and without signs. */
export function queryText(query: string): string {
  return cut(query.replace(QUOTES, '"').replace(EXCLUDED, ' ').replace(/["*]/g, ' ').replace(/\s+/gu, ' ').trim())
}

/** By which the same text is known; 16 bytes in hex. */
export function textHash(text: string): string {
  return createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, HASH_BYTES * 2)
}

/** By which vectors are known that can be compared with each other. */
export function modelFingerprint(model: string, dimensions: number | undefined): string {
  return createHash('sha256')
    .update(JSON.stringify([TEXT_FORM, model, dimensions ?? null]))
    .digest('hex')
    .slice(0, HASH_BYTES * 2)
}

function cut(text: string): string {
  return text.slice(0, MOST_TEXT).toWellFormed()
}

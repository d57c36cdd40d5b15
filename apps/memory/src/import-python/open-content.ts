import { type FernetKey, isFernetToken, openFernetToken } from './fernet.ts'

/** The content of a row: readable, or why it is not. */
export type OpenedContent = { readonly content: string } | { readonly why: string }

/**
 * The content of a row of the Python memoric, which wrote tokens of Fernet in base64 once more, and here and there plain text among
 * them. What looks like a token and does not open is never taken for content.
 */
export function openContent(keys: readonly FernetKey[], stored: string): OpenedContent {
  const token = tokenIn(stored)
  if (token === null) return { content: stored }
  if (keys.length === 0) return { why: 'is encrypted: a key is needed (--fernet-key-file)' }
  for (const key of keys) {
    const opened = openFernetToken(key, token)
    if (opened !== null) return { content: opened.toString() }
  }
  return { why: 'cannot be decrypted with this key' }
}

function tokenIn(stored: string): string | null {
  if (isFernetToken(stored)) return stored
  const inner = Buffer.from(stored, 'base64').toString('latin1')
  return /^[\w+/=-]+$/.test(stored) && isFernetToken(inner) ? inner : null
}

/**
 * A name that somebody chose, on one line of a mail: without what could break the line or turn its direction, and with nothing in it
 * that a mail program would make a link of.
 */
export function shown(name: string): string {
  return name
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[.:/@](?=\S)/g, '$& ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200)
    .toWellFormed()
}
